"""What a resumed run has to know beside weights and optimiser, so that it ends where an unbroken one would."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
from monai.utils import optional_import

if TYPE_CHECKING:
    from ignite.engine import Engine, Events
else:
    Events, _ = optional_import("ignite.engine", name="Events")

logger = logging.getLogger(__name__)


class BestSoFar:
    """The best validation of a run, as something that a checkpoint can hold.

    Without it the first validation after a resume counts as the best, and its weights replace better ones.

    Args:
        saver: MONAI's ``CheckpointSaver`` that keeps the best weights by key metric.
        evaluator: the validating engine, whose log names its best value.
    """

    def __init__(self, saver: Any, evaluator: Engine) -> None:
        self.saver, self.evaluator = saver, evaluator

    def state_dict(self) -> dict[str, Any]:
        # MONAI's saver can load this state but not give it; plain numbers, so that weights_only reads it.
        saved = self.saver._key_metric_checkpoint.state_dict()["_saved"]
        state = self.evaluator.state
        return {
            "saved": [(float(metric), name) for metric, name in saved],
            "best_metric": float(state.best_metric),
            "best_metric_epoch": int(state.best_metric_epoch),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.saver.load_state_dict({"_saved": [tuple(entry) for entry in state["saved"]]})
        self.evaluator.state.best_metric = state["best_metric"]
        self.evaluator.state.best_metric_epoch = state["best_metric_epoch"]


class ResumeHandler:
    """After ``CheckpointLoader``: restore the best so far and where the momentum of the moving average stands.

    ignite counts the warm-up of that momentum from zero in each process; a resumed run would forget its average.

    Args:
        checkpoint: the file that ``CheckpointLoader`` loads; None does nothing, which is a run from the start.
        ema: ignite's ``EMAHandler``, attached to the trainer.
        best: see :class:`BestSoFar`; left alone if the checkpoint has none.
    """

    def __init__(self, checkpoint: str | None, ema: Any, best: BestSoFar) -> None:
        self.checkpoint, self.ema, self.best = checkpoint, ema, best

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        if self.checkpoint is None:
            return
        if self.ema.momentum_scheduler is not None:
            self.ema.momentum_scheduler.event_index = engine.state.iteration
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True).get("best")
        if state is not None:
            self.best.load_state_dict(state)
        if engine.state.epoch >= (engine.state.max_epochs or 0):
            logger.warning(
                "The run in '%s' was finished, in epoch %d: nothing is trained. Start anew with --resume False, or "
                "elsewhere with another --run_dir or --bundle_root.",
                self.checkpoint,
                engine.state.epoch,
            )
