"""Clip gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from monai.engines.utils import IterationEvents

if TYPE_CHECKING:
    from ignite.engine import Engine


class GradientClipHandler:
    """Clip the gradient's norm before each optimiser step.

    Args:
        parameters: what is trained.
        max_norm: the largest norm.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], max_norm: float = 1.0) -> None:
        self.parameters, self.max_norm = list(parameters), max_norm

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        # Under AMP the gradients are still multiplied by the scaler's factor, 65536 at first: clipped like that, they
        # would be shortened to next to nothing.
        scaler = getattr(engine, "scaler", None)
        if scaler is not None:
            scaler.unscale_(engine.optimizer)
        torch.nn.utils.clip_grad_norm_(self.parameters, self.max_norm)
