"""Where does the time of one film go? The shipped system, by kind of operation, beside what the machine can do at most.

    python -m benchmarks.speed.profile [--films FOLDER]

Milliseconds a film, the model loaded, by PyTorch's profiler (self time). The last row is no part of the sum: the work
that must be done over the rate of a large matrix product, in the same precision and the same run. Nothing else should
run on the machine. Writes ``benchmarks/results/speed_profile.csv``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.profiler import ProfilerActivity, profile

from benchmarks.models.common import gflop
from benchmarks.provenance import command_line, commit, machine_name, versions, write_results
from benchmarks.speed.machine import matmul_peak_gflops
from monai_ceph.data import find_films
from monai_ceph.inferers.autocast import fastest_dtype
from monai_ceph.memory import keep_freed_memory
from monai_ceph.phantoms import write_phantoms
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor

KINDS = {
    "convolutions": ("convolution", "conv2d", "conv_transpose2d"),
    "copies: changes of precision, joining, cutting": ("copy_", "cat", "to", "_to_copy", "stack", "index", "clone"),
    "activations and pooling": ("leaky_relu", "max_pool2d"),
    "batch norms": ("batch_norm",),
    "softmax and decoding": ("softmax", "logsumexp", "amax", "exp", "sum", "sub", "log", "eq", "where", "mul", "div"),
    "scaling to the global stage": ("upsample",),
}
READING = "reading: "


def profiled(system: TorchPredictor, films: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Milliseconds a film by kind of operation, the longest first; "other" is what is in none, and Python itself."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        start = time.perf_counter()
        for film in films:
            system.predict(film)
        whole = 1e3 * (time.perf_counter() - start) / len(films)
    found = dict.fromkeys(KINDS, 0.0)
    for event in seen.key_averages():
        name = event.key.removeprefix("aten::").removeprefix("_")
        kind = next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), None)
        if kind is not None and event.key.startswith("aten::"):
            found[kind] += event.self_cpu_time_total / 1e3 / len(films)
    ranked = dict(sorted(found.items(), key=lambda item: -item[1]))
    return {**ranked, "other": whole - sum(found.values())}


def reading(system: TorchPredictor, films: Sequence[Path]) -> dict[str, float]:
    """Milliseconds a film by step of the preprocessing, in their order; LoadImaged decodes the file."""

    steps = {READING + type(step).__name__: step for step in system.preprocessing.transforms}
    found = dict.fromkeys(steps, 0.0)
    for film in films:
        item: Any = {"image": str(film)}
        for name, step in steps.items():
            start = time.perf_counter()
            item = step(item)
            found[name] += 1e3 * (time.perf_counter() - start) / len(films)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = command_line(__doc__, "speed_profile.csv")
    parser.add_argument("--films", type=Path, help="folder of films of 0.1 mm pixels; default: phantoms")
    parser.add_argument("--count", type=int, default=10, help="films")
    arguments = parser.parse_args(argv)
    keep_freed_memory()
    system = load_torch_predictor(spacing_mm=0.1, device="cpu")
    with tempfile.TemporaryDirectory() as scratch:
        films = arguments.films
        if films is None:
            films = Path(scratch)
            write_phantoms(films, count=arguments.count, seed=0)
        chosen = find_films([films])[: arguments.count]
        read = [system.load(film) for film in chosen]
        for film in read[:2]:
            system.predict(film)  # to warm up
        found = {**reading(system, chosen), **profiled(system, read)}
    dtype = fastest_dtype(system.device)
    work, peak = gflop(lambda: system.predict(read[0])), matmul_peak_gflops(dtype, system.device)
    total = sum(found.values())
    rows = [[what, f"{ms:.1f}", f"{100 * ms / total:.0f}"] for what, ms in found.items()]
    rows += [
        ["all", f"{total:.1f}", "100"],
        [f"the networks' {work:.0f} GFLOP at the peak", f"{1e3 * work / peak:.1f}", ""],
    ]
    for what, ms, percent in rows:
        print(f"{ms:>7} ms  {percent:>3} {'%' if percent else ' '}  {what}")
    made = [
        f"{len(chosen)} {'films' if arguments.films else 'phantoms'}, mean",
        machine_name(system.device),
        f"matmul peak {peak:.0f} GFLOP/s in {str(dtype).removeprefix('torch.')}",
        commit(),
        versions("torch", "monai", "numpy"),
        f"command: python -m benchmarks.speed.profile --count {arguments.count}",
    ]
    write_results(arguments.output, made, ("what", "ms_per_film", "percent"), rows)


if __name__ == "__main__":
    main()
