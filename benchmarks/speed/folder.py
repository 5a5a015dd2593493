"""How many films a second does `monai-ceph predict` do in a folder, and what is in the way of more?

    python -m benchmarks.speed.folder [--films FOLDER]

Against the networks alone, on films that were read before. `cores_busy` is the process's computing time over the time
that passed and over the cores: at 100 % nothing waits, and what is more than the networks alone is work of its own.
Model loaded; without ``--films``, phantoms of the size of ISBI 2015's films. Nothing else should run on the machine.
Writes ``benchmarks/results/speed_folder.csv``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.provenance import command_line, origin, write_results
from monai_ceph.batch.predict import predict_batch
from monai_ceph.batch.result_folder import ResultFolder
from monai_ceph.batch.settings import result_settings
from monai_ceph.data import find_films
from monai_ceph.memory import keep_freed_memory
from monai_ceph.phantoms import write_phantoms
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor

NETWORK = "networks alone, films read before"
COLUMNS = ("what", "films_per_second", "of_the_networks_alone_percent", "core_ms_per_film", "cores_busy_percent")


def measure(films: Sequence[Path], system: TorchPredictor, scratch: Path) -> dict[str, tuple[float, float]]:
    """(seconds, seconds of computing on all cores) a film, by what is done."""

    def timed(work: Callable[[], object]) -> tuple[float, float]:
        start = time.perf_counter(), time.process_time()
        work()
        return (time.perf_counter() - start[0]) / len(films), (time.process_time() - start[1]) / len(films)

    def whole(folder: str, *formats: str) -> None:
        output = ResultFolder(scratch / folder, formats)
        result = predict_batch(films, output, lambda: system, result_settings(None, spacing_mm=0.1))
        if result.failed:
            raise RuntimeError(f"{result.failed} films failed: what was measured means nothing.")

    read = [system.load(film) for film in films]
    for item in read[:2]:
        system.predict(item)  # to warm up
    return {
        NETWORK: timed(lambda: [system.predict(item) for item in read]),
        "reading alone, one film after the other": timed(lambda: [system.load(film) for film in films]),
        "predict --format csv": timed(lambda: whole("table", "csv")),
        "predict, with overlays and Slicer files": timed(lambda: whole("all", "csv", "markups", "overlay")),
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = command_line(__doc__, "speed_folder.csv")
    parser.add_argument("--films", type=Path, help="folder of films of 0.1 mm pixels; default: phantoms")
    parser.add_argument("--count", type=int, default=40, help="films")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0")
    arguments = parser.parse_args(argv)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as scratch:
        films = arguments.films
        if films is None:
            films = Path(scratch) / "films"
            write_phantoms(films, count=arguments.count, seed=0)
        chosen = find_films([films])[: arguments.count]
        system = load_torch_predictor(spacing_mm=0.1, device=arguments.device)
        measured = measure(chosen, system, Path(scratch))
    rows = []
    for what, (seconds, computing) in measured.items():
        share = measured[NETWORK][0] / seconds
        busy = computing / seconds / torch.get_num_threads()
        rows.append([what, f"{1 / seconds:.2f}", f"{100 * share:.0f}", f"{1e3 * computing:.0f}", f"{100 * busy:.0f}"])
        print(f"{1 / seconds:7.2f} films/s  {1e3 * computing:5.0f} ms of computing a film  {what}")
    command = f"python -m benchmarks.speed.folder --count {arguments.count} --device {arguments.device}"
    made = [
        f"{len(chosen)} {'films' if arguments.films else 'phantoms'}",
        *origin(command, "torch", "monai", "numpy", device=system.device),
    ]
    write_results(arguments.output, made, COLUMNS, rows)


if __name__ == "__main__":
    main()
