"""Choose the device to compute on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def resolve_device(name: str) -> torch.device:
    """Resolve ``auto`` to a GPU if there is one: the first, or the one that torchrun gave this process.

    Raises:
        ValueError: there is no such device; the message says what there is.
    """
    import torch

    if name == "auto":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return torch.device(f"cuda:{int(os.environ.get('LOCAL_RANK', 0)) % count}" if count else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"Unknown device '{name}'; expected auto, cpu or cuda:0.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"There is no '{name}' here ({torch.cuda.device_count()} GPUs found); use --device cpu.")
    return device
