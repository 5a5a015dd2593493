"""What every model's program shares: the job, the budget, the timing of a prediction and the files written.

A model is one module of this folder, run as a process of its own from the root of the checkout,

    python -m benchmarks.models.NAME JOB.json

so that its memory, its threads and its random numbers are its own. It ends in ``main(train, load)``:

- ``train(job) -> Training`` trains until ``job.budget()`` is spent and leaves its checkpoint in ``job.work_dir``;
- ``load(job) -> Predictor`` reads that checkpoint.

Only the standard library, torch and numpy are imported here, because a model may come from another library, with an
interpreter and an environment of its own in which this package is not installed.
"""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

# The order of the points in a job and in landmarks.csv: monai_ceph.landmarks.ISBI19, which a test holds equal.
SYMBOLS = (
    *("S", "N", "Or", "Po", "A", "B", "Pog", "Me", "Gn", "Go"),
    *("L1", "U1", "UL", "LL", "Sn", "Pog'", "PNS", "ANS", "Ar"),
)
HEADER = ["image", "landmark", "x_px", "y_px", "x_mm", "y_mm", "confidence"]


class Budget:
    """Training time: runs from when it is made.

    Args:
        minutes: how much there is.
        clock: seconds; ``time.process_time`` counts the process's own computing, on all its threads, so that a busy
            machine takes nothing away.
    """

    def __init__(self, minutes: float, clock: Callable[[], float] = time.process_time) -> None:
        self.minutes = minutes
        self._clock = clock
        self._start = clock()
        self._wall_start = time.perf_counter()

    @property
    def spent_minutes(self) -> float:
        return (self._clock() - self._start) / 60

    @property
    def wall_minutes(self) -> float:
        return (time.perf_counter() - self._wall_start) / 60

    @property
    def fraction(self) -> float:
        """Share of the budget that is spent, 0..1: what a learning-rate schedule goes by."""
        return min(1.0, self.spent_minutes / self.minutes)

    @property
    def over(self) -> bool:
        return self.spent_minutes >= self.minutes


@dataclass(frozen=True)
class Job:
    """One run of one model, as its JSON file says; keys that are not named here are in ``options``."""

    phase: str
    train: list[dict[str, Any]]
    predict: list[dict[str, Any]]
    film_spacing_mm: float
    minutes: float
    work_dir: Path
    threads: int = 1
    device: str = "cpu"
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path) -> Job:
        """Raises ValueError where the phase is neither train nor predict, KeyError where a key is missing."""
        given = json.loads(Path(path).read_text(encoding="utf-8"))
        if given["phase"] not in ("train", "predict"):
            raise ValueError(f"The phase in '{path}' is '{given['phase']}'; it must be train or predict.")
        known = {name: given.pop(name) for name in cls.__dataclass_fields__ if name in given}
        return cls(**{**known, "work_dir": Path(known["work_dir"]), "options": {**known.get("options", {}), **given}})

    def budget(self, share: float = 1.0) -> Budget:
        """The clock of this job's training, from now on: computing time on a CPU, time on the wall on a GPU.

        Args:
            share: part of the job's minutes, for a model that trains in stages.
        """
        return Budget(self.minutes * share, time.process_time if self.device == "cpu" else time.perf_counter)

    def autocast(self) -> torch.autocast:
        """bfloat16 where torch holds it safe: the same for every model that allows it."""
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)


AUTOCAST_DTYPE = "bfloat16 autocast"


@dataclass(frozen=True)
class Training:
    """What a training took; written to train.json.

    Args:
        training_minutes: minutes of the budget's clock; stages summed.
        wall_minutes: the same on the wall.
        iterations: steps of the optimiser.
        films_seen: films shown, counted each time.
        parameters: trained numbers of all networks.
        dtype: what the networks computed in.
        packages: distributions whose versions matter, beside torch and numpy.
        remarks: what a reader must know beside the figures.
    """

    training_minutes: float
    wall_minutes: float
    iterations: int
    films_seen: int
    parameters: int
    dtype: str
    packages: Sequence[str] = ()
    remarks: str = ""


@dataclass(frozen=True)
class Predictor:
    """A trained model as the timing needs it, in two steps.

    Args:
        read: path of a film -> what the network wants, with all preparation.
        locate: what ``read`` returned -> points (19, 2) in film pixels, (x, y), pixel centres at integers, and the
            confidence of each (19,), or None: network and decoding, ended with the points in main memory.
    """

    read: Callable[[str], Any]
    locate: Callable[[Any], tuple[np.ndarray, np.ndarray | None]]


def gflop(run: Callable[[], object]) -> float:
    """10^9 floating-point operations of the matrix products and convolutions in a call; a multiply-add is two."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 1e9


def peak_memory_mb() -> float:
    """Most main memory that this process held at once, in 10^6 bytes: interpreter and libraries included."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, whose ru_maxrss starts at the size of the process that started this one
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if platform.system() == "Darwin" else 1024) / 1e6


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Whole or not there: a train.json says that the training ended."""
    _replace(path, json.dumps(content, indent=2) + "\n")


def write_landmarks(
    path: Path, points_px: Mapping[str, np.ndarray], confidence: Mapping[str, np.ndarray | None], spacing_mm: float
) -> None:
    """Predictions as ``monai-ceph predict`` writes them.

    Args:
        path: the CSV file.
        points_px: film's file name -> (19, 2), (x, y) in film pixels.
        confidence: film's file name -> (19,) or None where the model has none: the column is left empty.
        spacing_mm: millimetres per pixel, along both axes.
    Raises:
        ValueError: a film has another number of points than there are symbols; the message shows both.
    """
    rows = [HEADER]
    for film, points in points_px.items():
        if points.shape != (len(SYMBOLS), 2):
            raise ValueError(f"{film}: expected points of shape ({len(SYMBOLS)}, 2), got {points.shape}.")
        sure = confidence[film]
        for k, (symbol, point) in enumerate(zip(SYMBOLS, points, strict=True)):
            numbers = [f"{float(value):.3f}" for value in (*point, *(point * spacing_mm))]
            rows.append([film, symbol, *numbers, "" if sure is None else f"{float(sure[k]):.4f}"])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    _replace(path, text.getvalue())


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8", newline="")
    os.replace(temporary, path)


def predict(job: Job, predictor: Predictor) -> None:
    """Points of every film of ``job.predict``, and what they took: landmarks.csv and predict.json in the work folder.

    Each film is timed by itself, from the file to the points and for the network and its decoding alone. The first one
    is run once more before, untimed: it warms up, and its operations are counted.
    """

    def run(film: str) -> tuple[Any, Any, float, float]:
        start = time.perf_counter()
        prepared = predictor.read(film)
        middle = time.perf_counter()
        points, sure = predictor.locate(prepared)
        end = time.perf_counter()
        return points, sure, (end - start) * 1e3, (end - middle) * 1e3

    films = [film["image"] for film in job.predict]
    operations = gflop(lambda: run(films[0]))
    results = {Path(film).name: run(film) for film in films}
    write_landmarks(
        job.work_dir / "landmarks.csv",
        {film: result[0] for film, result in results.items()},
        {film: result[1] for film, result in results.items()},
        job.film_spacing_mm,
    )
    record = {
        "ms_per_film": statistics.median(result[2] for result in results.values()),
        "ms_per_film_network": statistics.median(result[3] for result in results.values()),
        "gflop_per_film": operations,
        "peak_memory_mb": peak_memory_mb(),
    }
    write_json(job.work_dir / "predict.json", record)


def main(train: Callable[[Job], Training], load: Callable[[Job], Predictor]) -> None:
    """A model's command line: one argument, the job's file."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m benchmarks.models.{Path(sys.argv[0]).stem} JOB.json")
    job = Job.read(sys.argv[1])
    job.work_dir.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(job.threads)
    torch.manual_seed(job.seed)
    # For libraries that draw from the global generators; a generator of one's own is seeded with job.seed by its owner.
    np.random.seed(job.seed)
    random.seed(job.seed)
    if job.phase == "predict":
        with torch.inference_mode():
            predict(job, load(job))
        return
    record = vars(train(job))
    versions = {name: version(name) for name in ("torch", "numpy", *record.pop("packages"))}
    made = {"versions": versions, "commit": job.options.get("commit", "commit unknown")}
    write_json(job.work_dir / "train.json", {**record, **made})
