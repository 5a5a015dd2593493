"""Clip gradients during training."""

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
        parameters: the trained parameters.
        max_norm: largest norm of their gradient.
    Example:
        >>> import torch
        >>> from ignite.engine import Engine
        >>> from monai_ceph.handlers import GradientClipHandler
        >>> weight = torch.nn.Parameter(torch.zeros(2))
        >>> weight.grad = torch.tensor([30.0, 40.0])
        >>> GradientClipHandler([weight], max_norm=1.0)(Engine(lambda engine, batch: None))
        >>> [round(value, 3) for value in weight.grad.tolist()]
        [0.6, 0.8]
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], max_norm: float = 1.0) -> None:
        self.parameters, self.max_norm = list(parameters), max_norm

    def attach(self, engine: Engine) -> None:
        """Clip after each backward pass of MONAI's ``SupervisedTrainer``."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Clip the gradients in place."""
        # Under AMP the gradients are still multiplied by the scaler's factor, initially 65536: clipping them like that
        # would reduce them to almost nothing.
        scaler = getattr(engine, "scaler", None)
        if scaler is not None:
            scaler.unscale_(engine.optimizer)
        torch.nn.utils.clip_grad_norm_(self.parameters, self.max_norm)
