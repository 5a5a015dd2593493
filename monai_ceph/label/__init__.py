"""The MONAI Label app: films in a folder or a DICOMweb store, the model proposes, the annotator corrects, it learns.

MONAI Label needs numpy 1.26 and an environment of its own (``make label-env``). What of this package can do without it
is in `data` and `commands`; here are the adapters.
"""

from __future__ import annotations

from pathlib import Path

MODEL = "cephalometric_landmarks"
"""What the model is called in MONAI Label's URLs."""

APP_FOLDER = Path(__file__).parent / "app_folder"
"""What ``monailabel start_server --app`` takes."""
