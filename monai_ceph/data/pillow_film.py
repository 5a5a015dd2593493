"""The usual films, PNG, JPEG and BMP, through Pillow.

ITK reads every format, but takes longer to load than a prediction takes, and lets no other thread run while it reads.
So ITK is left to the rest, and to whatever Pillow finds fault with.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from monai_ceph.data.film_format import Format

_PNG_GRAY, _PNG_RGB = 0, 2


def pillow_pixels(path: Path, kind: Format) -> np.ndarray | None:
    """The samples of a film, exactly as ITK gives them.

    Args:
        path: an existing file.
        kind: its format.
    Returns:
        (Y, X, 1 or 3) uint8 or uint16; None where it takes ITK: Pillow is not installed, the format, its depth or its
        colours are not of the usual, or the file is damaged, of which ITK tells more.
    """
    if kind not in ("PNG", "JPEG", "BMP") or not _is_usual(path, kind):
        return None
    try:
        from PIL import Image
    except ImportError:
        return None
    try:
        with Image.open(path, formats=(kind,)) as picture:
            # Pillow gives some depths and palettes as something else than they are stored.
            if picture.mode not in ("L", "RGB", "I;16") or getattr(picture, "n_frames", 1) != 1:
                return None
            pixels = np.asarray(picture)
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError):
        return None
    if pixels.ndim == 2:
        return pixels[..., None]
    # A colour JPEG holds its colours at half the resolution, and the two libraries do not enlarge them alike.
    return pixels if kind != "JPEG" or _is_colourless(pixels) else None


def _is_colourless(pixels: np.ndarray) -> bool:
    return all(np.array_equal(pixels[..., 0], pixels[..., k]) for k in (1, 2))


def _is_usual(path: Path, kind: Format) -> bool:
    """Whether a file's own header tells of samples that Pillow does not convert."""
    with path.open("rb") as file:
        head = file.read(54)
    if kind == "PNG":
        # Pillow would take the upper byte of 16-bit colours.
        return tuple(head[24:26]) in ((8, _PNG_GRAY), (8, _PNG_RGB), (16, _PNG_GRAY))
    if kind == "BMP":
        bits, compression = head[28:30], head[30:34]
        return bits in (b"\x08\0", b"\x18\0") and compression == b"\0" * 4
    return True
