"""Restore the state beside weights and optimiser, so that a resumed run ends as an uninterrupted one."""

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
    """Let a checkpoint store the best validation of a run.

    Without it the first validation after a resume counts as the best one, and its weights replace better ones.

    Args:
        saver: MONAI's ``CheckpointSaver`` that keeps the best weights by key metric.
        evaluator: the validating engine, which logs its best value.
    Example:
        >>> from ignite.engine import Engine
        >>> from monai.handlers import CheckpointSaver
        >>> from monai_ceph.handlers import BestSoFar
        >>> evaluator = Engine(lambda engine, batch: None)
        >>> evaluator.state.best_metric, evaluator.state.best_metric_epoch = 1.25, 7
        >>> saver = CheckpointSaver(".", {"evaluator": evaluator}, save_key_metric=True)
        >>> state = BestSoFar(saver, evaluator).state_dict()
        >>> state["best_metric"], state["best_metric_epoch"]
        (1.25, 7)
    """

    def __init__(self, saver: Any, evaluator: Engine) -> None:
        self.saver, self.evaluator = saver, evaluator

    def state_dict(self) -> dict[str, Any]:
        """Return the best checkpoints' file names and metrics, and the evaluator's best metric and epoch."""
        # MONAI's saver can load this state but not return it. Plain numbers, so that weights_only can read them.
        saved = self.saver._key_metric_checkpoint.state_dict()["_saved"]
        state = self.evaluator.state
        return {
            "saved": [(float(metric), name) for metric, name in saved],
            "best_metric": float(state.best_metric),
            "best_metric_epoch": int(state.best_metric_epoch),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.saver.load_state_dict({"_saved": [tuple(entry) for entry in state["saved"]]})
        self.evaluator.state.best_metric = state["best_metric"]
        self.evaluator.state.best_metric_epoch = state["best_metric_epoch"]


class ResumeHandler:
    """Restore the best validation and the momentum of the weights' moving average; attach after ``CheckpointLoader``.

    ignite restarts the warm-up of that momentum in each process, so a resumed run would forget its average.

    Args:
        checkpoint: the file that ``CheckpointLoader`` loads; None for a run from the start, where this does nothing.
        ema: ignite's ``EMAHandler``, attached to the trainer.
        best: what to restore; unchanged if the checkpoint does not hold it.
    Example:
        >>> import torch
        >>> from ignite.engine import Engine
        >>> from ignite.handlers import EMAHandler
        >>> from monai.handlers import CheckpointSaver
        >>> from monai_ceph.handlers import BestSoFar, ResumeHandler
        >>> state = {"saved": [(1.25, "model.pt")], "best_metric": 1.25, "best_metric_epoch": 7}
        >>> torch.save({"best": state}, "checkpoint.pt")
        >>> evaluator, trainer = (Engine(lambda engine, batch: None) for _ in range(2))
        >>> saver = CheckpointSaver(".", {"evaluator": evaluator}, save_key_metric=True)
        >>> ema = EMAHandler(torch.nn.Linear(1, 1), momentum=0.003, momentum_warmup=0.03, warmup_iters=10)
        >>> ema.attach(trainer)
        >>> ResumeHandler("checkpoint.pt", ema, BestSoFar(saver, evaluator)).attach(trainer)
        >>> _ = trainer.run([0], max_epochs=8)
        >>> evaluator.state.best_metric
        1.25
    """

    def __init__(self, checkpoint: str | None, ema: Any, best: BestSoFar) -> None:
        self.checkpoint, self.ema, self.best = checkpoint, ema, best

    def attach(self, engine: Engine) -> None:
        """Restore when the trainer starts."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Restore from the checkpoint; warn if its run was already finished."""
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
