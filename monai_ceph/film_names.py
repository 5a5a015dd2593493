"""What a film is called: the one key by which films, annotations and predictions find each other."""

from __future__ import annotations

import re
from pathlib import Path

FILM_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".mha", ".mhd", ".nii", ".nii.gz", ".dcm", ".dicom",
)  # fmt: skip
"""Suffixes (lower case) that a folder is searched for; a DICOM file needs none."""

OVERLAY_SUFFIX = ".overlay.png"
"""What a result's picture is called: a folder is searched for films, not for these."""

_SUFFIXES = (*FILM_SUFFIXES, ".mrk.json", ".json", ".txt", ".csv")


def film_name(path: str | Path) -> str:
    """The name of a film without folder and suffix, from the path of the film or of its annotation.

    Only suffixes that films and annotations have are cut off, longest first and in any case, so that the name of a
    DICOM file without a suffix, ``1.2.840.10008.1``, stays whole. Either kind of slash separates folders, because
    tables written on Windows are read elsewhere.
    """
    name = re.split(r"[\\/]", str(path))[-1]
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name
