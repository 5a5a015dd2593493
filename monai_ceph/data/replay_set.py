"""Read a replay set: labelled films that fine-tuning mixes in so that the model forgets less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_ceph.data.datalist import isbi2015_datalist
from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.formats.points import AnnotationError
from monai_ceph.landmarks import ISBI19, LandmarkScheme

ISBI_MM = 0.1
ISBI_TRAINING = range(1, 151)
ISBI_VALIDATION = range(6, 151, 6)
"""Films of the challenge that the `BasicUNet` bundle was chosen on; 151 and up are its test films."""


def read_replay_set(folder: str | Path, scheme: LandmarkScheme) -> list[dict[str, Any]]:
    """Read the films and points of a replay set.

    Args:
        folder: the ISBI 2015 data set in either layout, whose training films without the validation films are used; or
            a folder of films with labels, as in :class:`LabelFolder`.
        scheme: the landmarks.
    Returns:
        ``{"image", "points_px", "film"}`` for each film; with ``"spacing_mm"`` for ISBI's, which do not say it.
    Raises:
        FilmError, AnnotationError: no such folder, no labelled film in it, or points of another scheme.
    """
    folder = Path(folder)
    if (folder / "RawImage").is_dir() or (folder / "cepha400").is_dir():
        if scheme.symbols != ISBI19.symbols:
            raise AnnotationError(f"{folder}: ISBI 2015 has the landmarks of '{ISBI19.name}', not of '{scheme.name}'.")
        wanted = {f"{film:03d}" for film in ISBI_TRAINING if film not in ISBI_VALIDATION}
        items = [{**item, "spacing_mm": ISBI_MM} for item in isbi2015_datalist(folder) if item["film"] in wanted]
    else:
        items = LabelFolder(folder, scheme).items()
    if not items:
        raise AnnotationError(f"{folder}: expected the ISBI 2015 data set, or films with labels in labels/final.")
    return items
