"""Training task for MONAI Label: pass requests on to :func:`finetune` and report progress."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.train import TrainTask

from monai_ceph.data.replay_set import read_replay_set
from monai_ceph.finetuning.finetune import finetune
from monai_ceph.finetuning.held_out import hold_out
from monai_ceph.finetuning.runs import Stage, TrainingError, latest, seen_before
from monai_ceph.finetuning.stage import bundle_file
from monai_ceph.label.model import CurrentModel

logger = logging.getLogger(__name__)

STAGES: dict[str, tuple[Stage, ...]] = {"local": ("local",), "global": ("global",), "both": ("global", "local")}

PROGRESS = ("stage", "epoch", "total_epochs", "loss")
RESULT = ("replaced", "before", "after", "left_out", "trained", "held_out", "base")
"""What clients see of the newest training's progress, and of the last result."""


class LandmarkTrain(TrainTask):
    """Train the bundle in use on the films that have a final label when the training starts.

    It runs in the process that MONAI Label starts for a training; the server reads the progress from its files.

    Args:
        model: the bundle in use, with its films' spacing and the server's device.
        base: a replay set, see :func:`~monai_ceph.data.replay_set.read_replay_set`; empty for none.
    """

    def __init__(self, model: CurrentModel, base: str | Path = "") -> None:
        super().__init__(
            "Trains on the corrected films; the new weights are used if they are no worse on held-out films"
        )
        self.model, self.base = model, base

    def config(self) -> dict[str, Any]:
        """Return the options that Slicer's module offers; the first item of a list is its default."""
        devices = list(dict.fromkeys([self.model.device, "auto", "cpu"]))
        config = {"stages": list(STAGES), "epochs": 0, "device": devices}  # 0: the number in the bundle's file
        try:
            file = bundle_file(self.model.bundle, "finetune")
            config["epochs"] = int(json.loads(file.read_text(encoding="utf-8"))["epochs"])
        except (OSError, ValueError, KeyError, TypeError) as error:  # the training says so; a mere look must not fail
            logger.warning("The number of epochs is unknown: %s", error)
        return config

    def stats(self) -> dict[str, Any]:
        """Return the progress of the newest training and the result of the last one that finished.

        Slicer's module shows ``best_metric`` (0 to 1) as accuracy: the fraction of the held-out films' landmarks with
        an error of at most 2 mm.
        """
        progress, result = latest(self.model.bundle)
        stats = {key: progress[key] for key in PROGRESS if key in progress}
        stats |= {key: result[key] for key in RESULT if key in result}  # results of earlier versions have fewer
        in_use = result.get("after" if result.get("replaced") else "before")
        if isinstance(in_use, dict):
            stats["best_metric"] = in_use.get("within_2mm") or 0.0
        if result.get("run") == progress.get("run") and "seconds" in result:
            stats["total_time"] = round(result["seconds"])
        return stats

    def check(self, request: Mapping[str, Any], datastore: Any) -> None:
        """Raise TrainingError if a training would be refused for its options or for too few labels.

        Args:
            request, datastore: as for a training.
        """
        _options(request)
        hold_out(list(datastore.folder.labels()), *seen_before(self.model.bundle))

    def __call__(self, request: Mapping[str, Any], datastore: Any) -> dict[str, Any]:
        """Train on the labelled films.

        Args:
            request: ``stages`` (local, global or both), ``epochs`` or MONAI Label's ``max_epochs``, ``device``.
            datastore: the films and labels.
        Returns:
            :class:`FinetuneResult`, ready for JSON.
        Raises:
            TrainingError, FilmError, AnnotationError: the training failed; the message says why, the weights stay.
        """
        stages, epochs = _options(request)
        result = finetune(
            self.model.bundle,
            datastore.folder.items(),
            stages=stages,
            replay=read_replay_set(self.base, self.model.scheme) if self.base else (),
            epochs=epochs,
            spacing_mm=self.model.spacing_mm,
            device=_first(request.get("device")) or self.model.device,
            tell=partial(print, flush=True),
            trust=self.model.trust,
        )
        return result.as_json()


def _options(request: Mapping[str, Any]) -> tuple[tuple[Stage, ...], int | None]:
    """Return the stages and the epochs that a request asks for; raise TrainingError if it asks for anything else."""
    wanted = _first(request.get("stages")) or "local"
    if not isinstance(wanted, str) or wanted not in STAGES:
        raise TrainingError(f"Expected stages to be one of {', '.join(STAGES)}, got {wanted!r}.")
    epochs = _first(request.get("epochs")) or _first(request.get("max_epochs")) or None
    try:
        return STAGES[wanted], None if epochs is None else int(epochs)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"Expected epochs to be a number, got {epochs!r}.") from error


def _first(value: Any) -> Any:
    """Return the first item of a list, else the value: clients may send a whole list of choices back."""
    return value[0] if isinstance(value, list) and value else value
