"""Read and write what the trainings of a bundle leave in its folder ``runs/finetune``, one folder each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from monai_ceph.data.film_list import read_film_list
from monai_ceph.predictor.bundle import bundle_config, read_json

Stage = Literal["global", "local"]
RUNS = Path("runs") / "finetune"
FILMS, PROGRESS, RESULT = "films.json", "progress.json", "result.json"


class TrainingError(ValueError):
    """A training was refused or failed; the weights in use are unchanged."""


def latest(bundle: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the progress of a bundle's newest training and the result of the last successful one; empty if none.

    Both are read from files, because the training may run in another process. Damaged files count as missing, because a
    training may be stopped at any moment.
    """
    runs = sorted(path.parent for path in (bundle / RUNS).glob(f"*/{FILMS}"))
    progress = read_json(runs[-1] / PROGRESS) if runs else {}
    results = (read_json(run / RESULT) for run in reversed(runs))
    return progress, next(filter(None, results), {})


def trained_on(bundle: Path) -> set[str]:
    """Return the films that a bundle's weights were fine-tuned on; empty if none of the new weights came into use."""
    films: set[str] = set()
    for path in (bundle / RUNS).glob(f"*/{RESULT}"):
        result = read_json(path)
        films.update(result.get("trained", ()) if result.get("replaced") else ())
    return films


@contextmanager
def weights_locked(bundle: Path) -> Iterator[None]:
    """Keep other processes from replacing a bundle's weights. The system releases the lock even after a kill.

    Raises:
        TrainingError: a training of the bundle is running.
        FileNotFoundError: there is no bundle.
    """
    bundle_config(bundle)
    (bundle / RUNS).mkdir(parents=True, exist_ok=True)
    lock = FileLock(bundle / RUNS / ".lock", timeout=0)
    try:
        held = lock.acquire()
    except Timeout as error:
        raise TrainingError(f"Another training of '{bundle}' is running; wait for it or stop it.") from error
    with held:
        yield


def seen_before(bundle: Path) -> tuple[set[str], set[str]]:
    """Return the films that earlier trainings held out and trained on, according to their film lists."""
    parts: dict[str, set[str]] = {"held_out": set(), "new": set(), "base": set()}
    for record in sorted((bundle / RUNS).glob(f"*/{FILMS}")):
        for item in read_film_list(record):
            parts[item["part"]].add(item["film"])
    return parts["held_out"], parts["new"]


def new_run(bundle: Path) -> Path:
    """Make the folder of a new training, whose name is the time."""
    run = bundle / RUNS / datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    run.mkdir()
    return run


def remove_weights(bundle: Path) -> None:
    """Remove the weights in run folders, which are either in use or rejected by now; lists and curves stay."""
    for stage in get_args(Stage):
        for weights in (bundle / RUNS).glob(f"*/{stage}/*.pt"):
            weights.unlink()
