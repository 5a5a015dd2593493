"""How long does a film take, and where does the time go? One table, every row measured in this one run.

    python -m benchmarks.speed.inference [--films FOLDER]

From the film's file to its rows in a CSV file, model loaded. Each row runs in a process of its own, so that its memory
and threads are its own; the first films warm it up and are not counted. The first row is the loop as one would write
it, with the network as it was trained. All others have what `monai-ceph predict` has: batch norms folded into
convolutions (our networks), and a C library that keeps what is freed (all). Nothing else should run on the machine.
Without ``--films``, phantoms of the size of ISBI 2015's films are drawn. Writes
``benchmarks/results/speed_inference.csv``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from monai.networks.nets import FlexibleUNet

from benchmarks.ablation_common import PAPER, SHIPPED
from benchmarks.films import bundle_settings
from benchmarks.models.common import gflop, peak_memory_mb
from benchmarks.models.registry import KEEP_MEMORY
from benchmarks.provenance import command_line, commit, machine_name, versions, write_results
from benchmarks.speed.machine import landmarker, matmul_peak_gflops
from benchmarks.upright import load_upright
from monai_ceph.data import find_films
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.heatmaps import decode_argmax
from monai_ceph.inferers import AutocastInferer, FastTwoStageInferer, TwoStageInferer
from monai_ceph.inferers.autocast import fastest_dtype
from monai_ceph.networks import load_weights
from monai_ceph.phantoms import write_phantoms
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.predictor.onnx_predictor import load_onnx_predictor
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor

LITERAL = "the paper's scheme, literal: 95 patches one by one, float32"
OURS = "shipped"
WARM_UP = 2


def two_stage(make: Callable[..., Any], dtype: str, **knobs: Any) -> Callable[[str], TorchPredictor]:
    """A way to build the shipped system with another inferer."""
    return lambda device: load_upright(0.1, device, AutocastInferer(make(**knobs), dtype))


def literal(device: str) -> TorchPredictor:
    """The paper's scheme, patch by patch, with the network as it was trained."""
    config = bundle_settings("inference")
    weights = paper_bundle() / "models" / "model.pt"
    network = load_weights(config.get_parsed_content("network_def"), weights).eval()
    system = two_stage(TwoStageInferer, "float32", batch_size=1, **PAPER)(device)
    network = network.to(system.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return replace(system, network=network)


def compiled(device: str) -> TorchPredictor:
    """The shipped system with its networks compiled, all patches in one pass, so that there is one size to compile."""
    system = two_stage(FastTwoStageInferer, "auto", batch_size=19, **SHIPPED)(device)
    for name in ("global_net", "local_net"):
        system.network.get_submodule(name).compile(dynamic=False)
    return system


class OneStage:
    """In the place of an inferer: one pass of one network over the whole film at 512 px, and the heatmaps' maxima."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network.eval()

    def __call__(self, film: MetaTensor, network: torch.nn.Module) -> torch.Tensor:
        self.network.to(film.device)
        scale = film.shape[-1] / 512
        small = torch.nn.functional.interpolate(film.as_tensor(), (512, 512), mode="bilinear", antialias=True)
        heatmaps = self.network(small).float()
        return torch.cat([decode_argmax(heatmaps.sigmoid()) * scale, heatmaps.amax((-2, -1))[..., None]], -1)


def hrnet_sized(dtype: str) -> Callable[[str], TorchPredictor]:
    """FlexibleUNet on a ResNet-50: 32 M parameters, 39 GMAC at 512 px; HRNet-W32 has 28.5 M and 38. Random weights."""
    return lambda device: load_upright(
        0.1,
        device,
        AutocastInferer(OneStage(FlexibleUNet(1, 19, "resnet50", pretrained=False, spatial_dims=2)), dtype),
    )


def exported(device: str) -> Any:
    """The shipped system as one ONNX graph, in onnxruntime; `monai-ceph export` makes it first."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        call = [sys.executable, "-m", "monai_ceph", "export", "--output", str(model)]
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
        return load_onnx_predictor(model, 0.1, device)


ROWS: dict[str, Callable[[str], Any]] = {
    LITERAL: literal,
    "the same, batch norms folded, freed memory kept": two_stage(TwoStageInferer, "float32", batch_size=1, **PAPER),
    "the same, in the fastest precision": two_stage(TwoStageInferer, "auto", batch_size=1, **PAPER),
    "the same, 19 patches at a time": two_stage(TwoStageInferer, "auto", **PAPER),
    "shipped, but literal: 19 patches at a time": two_stage(TwoStageInferer, "auto", **SHIPPED),
    "shipped, float32": two_stage(FastTwoStageInferer, "float32", **SHIPPED),
    "BasicUNet bundle": lambda device: load_torch_predictor(paper_bundle(), spacing_mm=0.1, device=device),
    OURS: lambda device: load_torch_predictor(spacing_mm=0.1, device=device),
    "shipped, networks by torch.compile": compiled,
    "shipped, as one ONNX graph, float32": exported,
    "HRNet-W32-sized network at 512 px, float32": hrnet_sized("float32"),
    "HRNet-W32-sized network at 512 px, fastest precision": hrnet_sized("auto"),
}
LANDMARKER_ROWS = {f"landmarker's SCN at 512 px, {dtype}": dtype for dtype in ("float32", "bfloat16")}

COLUMNS = (
    "what",
    "ms_per_film",
    "times_faster",
    "read_ms",
    "locate_ms",
    "write_ms",
    "first_film_ms",
    "peak_memory_mb",
    "gflop_per_film",
    "share_of_peak",
    "dtype",
)


def measure(name: str, films: list[Path], device: str) -> dict[str, Any]:
    """One row: milliseconds are medians over the films."""
    system = ROWS[name](device)
    in_torch = isinstance(system, TorchPredictor)
    dtype = system.inferer.dtype if in_torch else torch.float32
    if dtype == "auto":
        dtype = fastest_dtype(system.device)
    times: dict[str, list[float]] = {"read": [], "locate": [], "write": []}
    with tempfile.TemporaryDirectory() as folder:
        for film in films:
            with stopwatch(times["read"]):
                item = system.load(film)
            with stopwatch(times["locate"]):
                prediction = system.predict(item)
            with stopwatch(times["write"]):
                write_landmarks_csv(Path(folder) / "landmarks.csv", [prediction])
    read, locate, write = (1e3 * statistics.median(seconds[WARM_UP:]) for seconds in times.values())
    memory = peak_memory_mb()
    peak = matmul_peak_gflops(dtype, torch.device(device))
    # onnxruntime's work is not torch's to count; it is that of the same networks on the same patches.
    counted = system if in_torch else load_torch_predictor(spacing_mm=0.1, device=device)
    loaded = counted.load(films[-1])
    work = gflop(lambda: counted.predict(loaded))
    return {
        "what": name,
        "ms_per_film": read + locate + write,
        "read_ms": read,
        "locate_ms": locate,
        "write_ms": write,
        "first_film_ms": 1e3 * sum(seconds[0] for seconds in times.values()),
        "peak_memory_mb": memory,
        "gflop_per_film": work,
        "share_of_peak": work / peak / (locate / 1e3),
        "peak_gflops": peak,
        "dtype": str(dtype).removeprefix("torch."),
    }


@contextmanager
def stopwatch(seconds: list[float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - start)


def main(argv: Sequence[str] | None = None) -> None:
    parser = command_line(__doc__, "speed_inference.csv")
    parser.add_argument("--films", type=Path, help="folder of films of 0.1 mm pixels; default: phantoms")
    parser.add_argument("--count", type=int, default=10, help="films a row, the warm-up's included")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    parser.add_argument("--only", metavar="ROW", help="measure this row and print it as JSON")
    arguments = parser.parse_args(argv)

    if arguments.only:
        films = find_films([arguments.films])[: arguments.count]
        print(json.dumps(measure(arguments.only, films, arguments.device)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder: Path = arguments.films or Path(scratch)
        if arguments.films is None:
            write_phantoms(folder, count=arguments.count, seed=0)
        rows = []
        for name in ROWS:
            if ROWS[name] is compiled and not any(map(shutil.which, ("c++", "g++", "clang++"))):
                print(f"left out, for want of a C++ compiler: {name}", file=sys.stderr)
                continue
            call = [sys.executable, "-m", "benchmarks.speed.inference", "--only", name, "--films", str(folder)]
            call += ["--count", str(arguments.count), "--device", arguments.device]
            environment = {**os.environ, **({} if name == LITERAL else KEEP_MEMORY)}
            said = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            rows.append(json.loads(said.stdout))
            print(f"{rows[-1]['ms_per_film']:8.1f} ms  {name}", flush=True)
        for name, dtype in LANDMARKER_ROWS.items():
            chosen = [str(film) for film in find_films([folder])[: arguments.count]]
            job = {"films": chosen, "device": arguments.device, "dtype": dtype, "warm_up": WARM_UP}
            if (row := landmarker("inference", job, Path(scratch))) is not None:
                total = row["read_ms"] + row["locate_ms"] + row["write_ms"]
                peak = matmul_peak_gflops(getattr(torch, dtype), torch.device(arguments.device))
                share = row["gflop_per_film"] / peak / (row["locate_ms"] / 1e3)
                rows.append({"what": name, "ms_per_film": total, "share_of_peak": share, "peak_gflops": peak, **row})
                print(f"{total:8.1f} ms  {name}", flush=True)
    write_table(rows, arguments)


def write_table(rows: list[dict[str, Any]], arguments: argparse.Namespace) -> None:
    """The rows, with how much faster each is than the first."""
    literal = next(row["ms_per_film"] for row in rows if row["what"] == LITERAL)
    peaks = {row["dtype"]: row["peak_gflops"] for row in rows}
    made = [
        f"{arguments.count - WARM_UP} {'films' if arguments.films else 'phantoms'}, median",
        machine_name(torch.device(arguments.device)),
        f"matmul peak {', '.join(f'{peak:.0f} GFLOP/s in {dtype}' for dtype, peak in peaks.items())}",
        commit(),
        versions("torch", "monai", "numpy"),
        f"command: python -m benchmarks.speed.inference --count {arguments.count} --device {arguments.device}",
    ]
    compared = ({**row, "times_faster": f"{literal / row['ms_per_film']:.1f}"} for row in rows)
    cells = ([f"{row[k]:.3g}" if isinstance(row[k], float) else row[k] for k in COLUMNS] for row in compared)
    write_results(arguments.output, made, COLUMNS, cells)


if __name__ == "__main__":
    main()
