"""Measure accuracy, time and size of the exported model at lower precision, on the validation films.

    python -m benchmarks.export_precision --dataset_dir /path/to/isbi2015

writes ``benchmarks/results/export_precision.csv``. int8 is calibrated on training films. Time is the process's own
computing time from pixels to points (reading and, for torch, scaling apart), a film's median, on one thread.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static
from tqdm import tqdm

from benchmarks.films import validation_films
from benchmarks.provenance import command_line, origin, write_results
from monai_ceph.data import isbi2015_datalist, read_film
from monai_ceph.export.bundle import export_bundle
from monai_ceph.inferers import AutocastInferer
from monai_ceph.metrics.summary import error_statistics
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.predictor.onnx_session import open_session, run_film
from monai_ceph.predictor.torch_predictor import load_torch_predictor

SPACING_MM = (0.1, 0.1)
CALIBRATION_FILMS = [f"{film:03d}" for film in range(1, 151, 15)]
COLUMNS = ("model", "mre_mm", "sdr_2", "max_px_from_float32", "mean_px_from_float32", "cpu_ms", "mb")


class Films(CalibrationDataReader):
    """Yield the exported model's inputs, film by film."""

    def __init__(self, films: list[Path]) -> None:
        self.rest = iter(films)

    def get_next(self) -> dict[str, np.ndarray] | None:
        film = next(self.rest, None)
        return None if film is None else {"film": read_film(film)[0][None, None], "spacing_mm": np.array(SPACING_MM)}


def models(folder: Path, calibration: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield name and file of each variant."""
    full = folder / "float32.onnx"
    export_bundle(full)
    yield "onnx float32", full
    # Only convolutions: everything else is a few percent of the work, and resampling weights need full precision.
    convolutions = [n.name for n in onnx.load(full).graph.node if n.op_type == "Conv"]
    static = folder / "static.onnx"
    quantize_static(
        full,
        static,
        Films(calibration),
        nodes_to_quantize=convolutions,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    yield "onnx int8, calibrated on 10 training films", static
    dynamic = folder / "dynamic.onnx"
    quantize_dynamic(full, dynamic, nodes_to_quantize=convolutions, weight_type=QuantType.QUInt8)
    yield "onnx int8, ranges of each film", dynamic


def onnx_run(path: Path) -> Callable[[Path], tuple[np.ndarray, float]]:
    session = open_session(path)

    def run(film: Path) -> tuple[np.ndarray, float]:
        pixels = read_film(film)[0]
        start = time.process_time()
        points_px, *_ = run_film(session, pixels, SPACING_MM)
        return points_px, time.process_time() - start

    return run


def torch_run(dtype: str) -> Callable[[Path], tuple[np.ndarray, float]]:
    system = load_torch_predictor(paper_bundle(), spacing_mm=SPACING_MM[0], device="cpu")
    system.inferer = AutocastInferer(system.inferer.inferer, dtype)

    def run(film: Path) -> tuple[np.ndarray, float]:
        item = system.load(film)
        start = time.process_time()
        found = system.predict(item)
        return found.points_px, time.process_time() - start

    return run


def main() -> None:
    parser = command_line(__doc__, "export_precision.csv")
    parser.add_argument("--dataset_dir", required=True, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    items = validation_films(arguments.dataset_dir)
    chosen = isbi2015_datalist(arguments.dataset_dir, films=CALIBRATION_FILMS)
    truth = np.stack([np.asarray(item["points_px"]) for item in items])

    rows: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, tuple[Callable[[Path], tuple[np.ndarray, float]], float]] = {}
        for name, path in models(Path(folder), [Path(item["image"]) for item in chosen]):
            runs[name] = onnx_run(path), path.stat().st_size / 1e6
        weights = (paper_bundle() / "models" / "model.pt").stat().st_size / 1e6
        for dtype in ("float32", "bfloat16"):
            runs[f"torch {dtype}"] = torch_run(dtype), weights
        for run, _ in runs.values():
            run(Path(items[0]["image"]))  # warm up
        exact = None
        for name, (run, megabytes) in runs.items():
            found = [run(Path(item["image"])) for item in tqdm(items, desc=name)]
            points_px = np.stack([points for points, _ in found])
            exact = points_px if exact is None else exact
            score = error_statistics(np.linalg.norm((points_px - truth) * SPACING_MM, axis=-1))
            apart = np.linalg.norm(points_px - exact, axis=-1)
            milliseconds = 1000 * statistics.median(seconds for _, seconds in found)
            numbers = (score["mre"], score["sdr_percent"]["2"], apart.max(), apart.mean(), milliseconds, megabytes)
            rows.append([name, *(f"{number:.4g}" for number in numbers)])
            tqdm.write(", ".join(rows[-1]))

    made = [
        f"{len(items)} ISBI 2015 validation films, ground truth: mean of both observers",
        *origin("python -m benchmarks.export_precision --dataset_dir ...", "torch", "onnxruntime"),
    ]
    write_results(arguments.output, made, COLUMNS, rows)


if __name__ == "__main__":
    main()
