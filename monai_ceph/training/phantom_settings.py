"""Define settings with which both stages train on phantoms in minutes, on two cores."""

from __future__ import annotations

from typing import Any

SPACING_MM = 0.4
SIZE = (484, 600)
"""Of the phantoms, pixels."""

# A small version of the shipped detector. Lengths in px are halved with the resolution; those in mm stay.
SYSTEM: dict[str, Any] = {
    "film_spacing_mm": SPACING_MM,
    "local_spacing_mm": SPACING_MM,
    "global_scale": 0.2,
    "stage_net#features": [16, 16, 32, 64, 64, 16],
}
TRAINING: dict[str, Any] = {
    **SYSTEM,
    "resume": False,
    "ema_momentum": 0.03,
    "learning_rate": 0.004,
    "films_per_batch": 4,
    "train#dataset#progress": False,
    "validate#dataset#progress": False,
}
GLOBAL: dict[str, Any] = {
    **TRAINING,
    "patch_size": 96,
    "sigma_px": 2.5,
    "samples_per_film": 1,
    "stage_transforms#1#shift_px": 8.0,
    "stage_transforms#1#scale": 0.15,
    "stage_transforms#2#spatial_size": 8,
    "stage_transforms#2#max_spatial_size": 24,
}
LOCAL: dict[str, Any] = {
    **TRAINING,
    "patch_size": 64,
    "sigma_px": 2.5,
    "samples_per_film": 4,
    "stage_transforms#0#near_px": 22.0,
    "stage_transforms#0#far_px": 56.0,
    "validate#film_inferer#patch_size": 64,
    "validate#film_inferer#guide_sigma_px": 7.0,
}
INFERENCE: dict[str, Any] = {**SYSTEM, "patch_size": 64, "guide_sigma_px": 7.0, "low_confidence": 0.0}
