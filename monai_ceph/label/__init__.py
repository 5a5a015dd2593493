"""A MONAI Label app for landmarks: the model proposes, an annotator corrects, and the model trains on the corrections.

MONAI Label needs numpy 1.26 and therefore an environment of its own (``make label-env``). This package holds only the
adapters to it; the logic lives in `data`, `active_learning` and `finetuning`, which work without MONAI Label.
"""

from __future__ import annotations

from pathlib import Path

MODEL = "cephalometric_landmarks"
"""Name of the model in MONAI Label's URLs."""

APP_FOLDER = Path(__file__).parent / "app_folder"
"""Folder to pass to ``monailabel start_server --app``."""
