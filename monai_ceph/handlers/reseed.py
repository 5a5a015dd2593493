"""Make the random numbers of an epoch depend only on the run's seed and the epoch's number."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.transforms import Randomizable
from monai.utils import optional_import

if TYPE_CHECKING:
    from ignite.engine import Engine, Events
else:
    Events, _ = optional_import("ignite.engine", name="Events")


class ReseedHandler:
    """Seed all random number generators at the start of each epoch, from the run's seed and the epoch's number.

    A run that was killed and resumed then draws the same numbers in each epoch as an uninterrupted one.

    Args:
        seed: the run's seed.
        transform: the training transforms, whose random states are seeded as well.
    Example:
        >>> import torch
        >>> from ignite.engine import Engine
        >>> from monai_ceph.handlers import ReseedHandler
        >>> drawn = []
        >>> for _ in range(2):
        ...     engine = Engine(lambda engine, batch: drawn.append(float(torch.rand(1))))
        ...     ReseedHandler(seed=0).attach(engine)
        ...     _ = engine.run([0], max_epochs=2)
        >>> drawn[:2] == drawn[2:], drawn[0] != drawn[1]
        (True, True)
    """

    def __init__(self, seed: int, transform: Any = None) -> None:
        self.seed, self.transform = seed, transform

    def attach(self, engine: Engine) -> None:
        """Seed at the start of each epoch of an engine."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed Python, NumPy, torch and the transforms for the engine's current epoch."""
        # Multiplied by a large prime, so that epoch 1 of seed 1 differs from epoch 2 of seed 0.
        seed = (self.seed * 1_000_003 + engine.state.epoch) % 2**32
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        if isinstance(self.transform, Randomizable):
            self.transform.set_random_state(seed=seed)
