"""Make the random numbers of an epoch depend on its seed and number alone."""

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
    """Seed every random number of an epoch from the run's seed and the epoch's number.

    A run that was killed and resumed then draws in each epoch what it would have drawn anyway.

    Args:
        seed: the run's seed.
        transform: the training transforms, whose random states are set as well.
    """

    def __init__(self, seed: int, transform: Any = None) -> None:
        self.seed, self.transform = seed, transform

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        # A large prime between runs' seeds: epoch 1 of seed 1 must not be epoch 2 of seed 0.
        seed = (self.seed * 1_000_003 + engine.state.epoch) % 2**32
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        if isinstance(self.transform, Randomizable):
            self.transform.set_random_state(seed=seed)
