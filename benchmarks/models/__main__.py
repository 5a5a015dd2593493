"""How accurate does each model get on the same films, with the same training time, and what does it cost?

    python -m benchmarks.models --dataset_dir /path/to/isbi2015

trains every model of ``registry.py`` on the 125 training films for the same time on one core, finds the landmarks of
the 25 held-out films, and writes ``benchmarks/results/models.csv``. A training that has ended is not done again: a run
that was killed goes on, and ``--phase predict`` measures speed anew, on a machine that does nothing else.
benchmarks/README.md has the rules.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.films import bundle_settings
from benchmarks.models.registry import KEEP_MEMORY, MODELS, ROOT, Model, landmarker_python
from benchmarks.provenance import commit, machine_name, write_results
from benchmarks.report_results import read_results
from monai_ceph.atomic import write_text
from monai_ceph.data import isbi2015_datalist
from monai_ceph.data.replay_set import ISBI_MM
from monai_ceph.film_names import film_name
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.metrics.interval import METHOD, intervals
from monai_ceph.metrics.summary import error_statistics

COLUMNS = (
    *("model", "mre_mm", "mre_low", "mre_high", "sd_mm", "sdr_2", "sdr_2_low", "sdr_2_high", "parameters"),
    *("gflop_per_film", "training_minutes", "iterations", "films_seen", "ms_per_film", "ms_per_film_network"),
    *("peak_memory_mb", "dtype", "source", "remarks"),
)
Films = list[dict[str, Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line, runs the programs, scores; the exit status is 1 if one of them failed."""
    arguments = _arguments(argv)
    held_out = bundle_settings("inference", "evaluate").get_parsed_content("validation_films")
    films = isbi2015_datalist(arguments.dataset_dir)
    train = [film for film in films if film["film"] not in held_out]
    test = [film for film in films if film["film"] in held_out]
    failed = run(arguments, train, test, ISBI_MM)
    table = score(arguments.work_dir, test, ISBI_MM)
    if table:
        if arguments.keep:
            table = with_earlier(table, arguments.output)
        rows = ([_cell(row.get(name, "")) for name in COLUMNS] for row in table)
        write_results(arguments.output, _provenance(arguments, train, test), COLUMNS, rows)
        print(f"{len(table)} models in {arguments.output}")
    return 1 if failed else 0


def run(arguments: argparse.Namespace, train: Films, test: Films, spacing_mm: float) -> list[str]:
    """Runs the programs one after another; returns the names of those that failed."""
    job = {
        "train": [{"image": film["image"], "points_px": film["points_px"].tolist()} for film in train],
        "predict": [{"image": film["image"]} for film in test],
        "film_spacing_mm": spacing_mm,
        **{name: getattr(arguments, name) for name in ("minutes", "threads", "device", "seed")},
    }
    failed = []
    for name in arguments.only:
        model, folder = MODELS[name], arguments.work_dir / name
        for phase in ("train", "predict"):
            if arguments.phase not in (phase, "all") or (phase == "train" and (folder / "train.json").exists()):
                continue
            print(f"{name}: {phase}", flush=True)
            given = {**job, "phase": phase, "work_dir": str(folder), "commit": commit(), **model.options}
            if not _run_program(model, given, _python(model, arguments)):
                failed.append(name)
                break
    return failed


def score(work_dir: Path, test: Films, spacing_mm: float) -> list[dict[str, Any]]:
    """A row for each model that was trained and has found the landmarks of the test films."""
    truth = {film["film"]: np.asarray(film["points_px"], dtype=np.float64) for film in test}
    table = []
    for name, model in MODELS.items():
        folder = work_dir / name
        if not all((folder / file).exists() for file in ("train.json", "predict.json", "landmarks.csv")):
            continue
        try:
            found = read_annotations(folder / "landmarks.csv").points_px
        except ValueError as error:  # a training that diverged has no numbers to give
            print(f"{name}: not scored: {error}", file=sys.stderr)
            continue
        errors = np.stack([np.linalg.norm(found[film] - truth[film], axis=1) * spacing_mm for film in truth])
        record = {k: v for f in ("train", "predict") for k, v in json.loads((folder / f"{f}.json").read_text()).items()}
        table.append({"model": name, **_scores(errors), **record, "source": _source(model, record["versions"])})
    return table


def with_earlier(table: list[dict[str, Any]], output: Path) -> list[dict[str, Any]]:
    """Return the table with the rows of other models that a file has, whose source then names their commit.

    Args:
        table: rows that were made now.
        output: a file of an earlier run with the same films, budget and machine.
    """
    results = read_results(output)
    trained_at = re.search(r"trained at (.*?), scored", results.made)
    made = {row["model"]: row for row in table}
    earlier = {row["model"]: row for row in results.rows if row["model"] not in made}
    for row in earlier.values():
        row["source"] = row["source"].replace("this commit", trained_at[1] if trained_at else "commit unknown")
    return [made.get(name) or earlier[name] for name in MODELS if name in made or name in earlier]


def _scores(errors_mm: np.ndarray) -> dict[str, float]:
    """Of (films, landmarks)."""
    value, bounds = error_statistics(errors_mm), intervals(errors_mm)["overall"]
    (mre_low, mre_high), (sdr_low, sdr_high) = bounds["mre"], bounds["sdr_percent"]["2"]
    return {
        "mre_mm": value["mre"],
        "mre_low": mre_low,
        "mre_high": mre_high,
        "sd_mm": value["sd"],
        "sdr_2": value["sdr_percent"]["2"],
        "sdr_2_low": sdr_low,
        "sdr_2_high": sdr_high,
    }


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset_dir", required=True, type=Path, help="the ISBI 2015 data set")
    parser.add_argument("--minutes", type=float, default=20.0, help="training time of each model (default: 20)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each program (default: 1)")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda:0")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(MODELS), default=list(MODELS), metavar="NAME", help="models")
    parser.add_argument("--phase", choices=("all", "train", "predict"), default="all")
    parser.add_argument("--keep", action="store_true", help="keep the table's rows of models that are not run again")
    parser.add_argument("--work_dir", type=Path, help="default: runs/benchmark_<minutes>min_<device>")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "models.csv")
    parser.add_argument(
        "--landmarker_python",
        default=landmarker_python(),
        help="interpreter for landmarker (default: MONAI_CEPH_LANDMARKER_PYTHON, else that of make landmarker-env)",
    )
    arguments = parser.parse_args(argv)
    if arguments.work_dir is None:
        device = arguments.device.replace(":", "")
        arguments.work_dir = ROOT / "runs" / f"benchmark_{arguments.minutes:g}min_{device}"
    arguments.work_dir = arguments.work_dir.resolve()
    return arguments


def _python(model: Model, arguments: argparse.Namespace) -> str:
    return arguments.landmarker_python if model.source == "landmarker" else sys.executable


def _run_program(model: Model, job: dict[str, Any], python: str) -> bool:
    """A process of its own, from the checkout's root; what it prints goes to a file, whose end is shown if it fails."""
    folder = Path(job["work_dir"])
    folder.mkdir(parents=True, exist_ok=True)
    job_file, log = folder / f"{job['phase']}_job.json", folder / f"{job['phase']}.log"
    write_text(job_file, json.dumps(job))
    environment = {**os.environ, "OMP_NUM_THREADS": str(job["threads"])}
    if job["phase"] == "train":
        environment |= KEEP_MEMORY
    command = [python, "-m", f"benchmarks.models.{model.program}", str(job_file)]
    try:
        with log.open("w", encoding="utf-8") as out:
            subprocess.run(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
        print(f"{folder.name}: {job['phase']} failed ({error}); see '{log}'.\n{end}", file=sys.stderr)
        return False
    return True


def _source(model: Model, versions: dict[str, str]) -> str:
    return f"{model.source} {versions[model.source]}" if model.source in versions else f"{model.source} (this commit)"


def _provenance(arguments: argparse.Namespace, train: Films, test: Films) -> list[str]:
    """How the table was made."""
    versions: dict[str, str] = {}
    trained_at = set()
    for path in sorted(arguments.work_dir.glob("*/train.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        versions |= record["versions"]
        trained_at.add(record.get("commit", "commit unknown"))
    names = [film_name(film["image"]) for film in test]
    held_out = f"{len(test)} held out ({names[0]}, {names[1]} ... {names[-1]})"
    minutes, threads, device = (f"--{name} {getattr(arguments, name)}" for name in ("minutes", "threads", "device"))
    return [
        f"ISBI 2015 training films: {len(train)} trained on, {held_out}",
        "ground truth: mean of both observers",
        f"budget: {arguments.minutes:g} min of {'computing' if arguments.device == 'cpu' else 'wall'} time a model",
        f"machine: {machine_name(torch.device(arguments.device), arguments.threads)}",
        f"intervals: {METHOD}",
        ", ".join(f"{name} {versions[name]}" for name in ("torch", "monai", "landmarker") if name in versions),
        f"trained at {', '.join(sorted(trained_at))}, scored at {commit()}",
        f"command: python -m benchmarks.models --dataset_dir DIR {minutes} {threads} {device} --seed {arguments.seed}",
    ]


def _cell(value: Any) -> Any:
    """Unknown figures are empty."""
    return value if not isinstance(value, float) else "" if math.isnan(value) else round(value, 3)


if __name__ == "__main__":
    sys.exit(main())
