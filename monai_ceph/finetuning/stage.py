"""Train one stage of a bundle with its training configs, report the progress, and leave no trace in the process."""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_ceph.atomic import write_text
from monai_ceph.finetuning.runs import FILMS, PROGRESS, Stage, TrainingError
from monai_ceph.networks import load_weights
from monai_ceph.predictor.bundle import config_text, default_bundle, root_cause
from monai_ceph.predictor.device import resolve_device
from monai_ceph.training.mute_logging import mute_logging

Tell = Callable[[str], None]
"""Called with a line of text for people."""
SHARED = ("scheme", "landmark_scheme", "stage_net", "network_def", "local_spacing_mm", "global_scale", "cpu_dtype")
"""Settings that training takes from the bundle's ``inference.json``, so that both use the same network."""


def train_stage(
    bundle: Path, stage: Stage, run: Path, weights: Path, epochs: int | None, device: str, progress: Progress
) -> Path:
    """Train one stage from given weights and return the path of the new ones."""
    from monai.bundle import ConfigWorkflow

    inference = json.loads((bundle / "configs" / "inference.json").read_text(encoding="utf-8"))
    overrides = {key: inference[key] for key in SHARED if key in inference}
    folder = run / stage
    paths = {"bundle_root": bundle, "run_dir": folder, "film_list": run / FILMS, "init_weights": weights}
    overrides |= {key: config_text(str(path)) for key, path in paths.items()}
    overrides["device"] = f"$torch.device('{resolve_device(device)}')"
    if epochs is not None:
        overrides["epochs"] = epochs
    try:
        with mute_logging():
            workflow = ConfigWorkflow(
                config_file=[str(path) for path in training_files(bundle, stage)],
                meta_file=str(bundle_file(bundle, "metadata")),
                logging_file=False,
                **overrides,
            )
            workflow.initialize()
            progress.attach(workflow.parser.get_parsed_content("train#trainer"), stage)
            workflow.run()
    except (RuntimeError, ValueError, OSError) as error:
        raise TrainingError(
            f"Training the {stage} stage failed; the weights in use are unchanged. {root_cause(error)}"
        ) from error
    return folder / "model.pt"


def training_files(bundle: Path, stage: Stage) -> list[Path]:
    """Return the configs of a stage's training, which override each other in this order."""
    return [bundle_file(bundle, name) for name in ("train", f"train_{stage}", "finetune")]


def bundle_file(bundle: Path, config: str) -> Path:
    """Return the path of a bundle's config, or of the shipped one, so that a bundle for inference can be trained."""
    in_bundle = bundle / "configs" / f"{config}.json"
    return in_bundle if in_bundle.is_file() else default_bundle() / "configs" / in_bundle.name


class Progress:
    """Report each epoch as text and in a small file, and stop a training whose loss is not finite."""

    def __init__(self, run: Path, stages: Sequence[Stage], report: Tell) -> None:
        self.run, self.stages, self.report = run, stages, report
        self.start, self.epochs = time.monotonic(), 0

    def attach(self, engine: Any, stage: Stage) -> None:
        from ignite.engine import Events

        self.stage = stage
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.check)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.tell)

    def check(self, engine: Any) -> None:
        if not math.isfinite(_loss(engine)):
            raise TrainingError(
                f"The loss became {_loss(engine)} in epoch {engine.state.epoch}. Check that all labels are on their "
                "landmarks, or lower learning_rate in configs/finetune.json."
            )

    def tell(self, engine: Any) -> None:
        self.epochs = engine.state.max_epochs
        done = self.stages.index(self.stage) * self.epochs + engine.state.epoch
        total = len(self.stages) * self.epochs
        left = (time.monotonic() - self.start) / done * (total - done)
        self.report(
            f"{self.stage} stage: epoch {engine.state.epoch:3d} of {self.epochs}, loss {_loss(engine):.4f}, "
            f"{left:.0f} s left"
        )
        state = {"run": str(self.run), "stage": self.stage, "epoch": done, "total_epochs": total, "loss": _loss(engine)}
        write_text(self.run / PROGRESS, json.dumps(state) + "\n")


def _loss(engine: Any) -> float:
    output = engine.state.output
    return float((output[0] if isinstance(output, list) else output)["loss"])


def weights_check(bundle: Path) -> Callable[[Path], object]:
    """Return a function that raises WeightsError if a bundle cannot load the weights in a file."""
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "inference.json"))
    return partial(load_weights, parser.get_parsed_content("network_def"))


@contextmanager
def random_state_restored() -> Iterator[None]:
    """Restore random states and cuDNN flags, which train.json sets for the whole process."""
    from monai.utils import get_seed, set_determinism

    cudnn = torch.backends.cudnn
    flags, seed = (cudnn.deterministic, cudnn.benchmark), get_seed()
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            set_determinism(seed)
            cudnn.deterministic, cudnn.benchmark = flags
            random.setstate(states[0])
            np.random.set_state(states[1])
