"""Settings with which the system trains in a second, as overrides of the bundle's configs."""

from __future__ import annotations

from typing import Any

SPACING_MM = 0.6
"""A film of 323 x 400 px; the global stage sees its bottom square at 96 x 96."""

TINY: dict[str, Any] = {
    "film_spacing_mm": SPACING_MM,
    "local_spacing_mm": SPACING_MM,
    "cpu_dtype": "float32",
    "device": "$torch.device('cpu')",
    "amp": False,
    "stage_net#features": [4, 4, 8, 8, 8, 4],
    "patch_size": 48,
}
TINY_TRAINING: dict[str, Any] = {
    **TINY,
    "epochs": 2,
    "val_interval": 1,
    "checkpoint_interval": 1,
    "films_per_batch": 2,
    "validation_films": ["phantom_003"],
}
TINY_FINETUNING: dict[str, Any] = {"epochs": 1, "films_per_epoch": 4, "films_per_batch": 2, "patch_size": 48}
