"""Turn a picture into the input of an exported model. ``monai-ceph export`` writes this file beside the model.

This file needs only NumPy, and nothing of the package that the model comes from.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def film_input(picture: Any, inverted: bool = False) -> np.ndarray:
    """Return the input ``film`` of an exported model.

    Gray values keep their bits: the model scales them itself, so 8, 12 and 16 bits need no conversion. Do not use
    Pillow's ``convert("L")``: it cuts 16 bits off at 255.

    Args:
        picture: an image opened by Pillow, or an array of pixels in rows, (Y, X) or (Y, X, 3 or 4), such as pydicom's
            ``pixel_array`` or OpenCV's image (with its colours in the order red, green, blue).
        inverted: whether the lowest value is white, as in DICOM files with MONOCHROME1.
    Returns:
        (1, 1, X, Y) float32, the first axis of pixels from left to right.
    Raises:
        ValueError: the picture has another shape, holds several frames, or numbers that are not finite.
    Example:
        >>> import numpy as np
        >>> rows = np.arange(6, dtype=np.uint16).reshape(2, 3) * 1000
        >>> film_input(rows)[0, 0].tolist()
        [[0.0, 3000.0], [1000.0, 4000.0], [2000.0, 5000.0]]
    """
    mode = getattr(picture, "mode", "")
    if getattr(picture, "n_frames", 1) > 1:
        raise ValueError(f"Expected one film, got a picture of {picture.n_frames} frames; take one of them.")
    if mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
        picture = picture.convert("RGB")  # indices of a palette are not gray values
    elif mode == "LA":
        picture = picture.getchannel("L")
    pixels = np.asarray(picture)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        pixels = pixels[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    if pixels.ndim != 2 or pixels.dtype.kind not in "buif":
        raise ValueError(
            f"Expected gray pixels (Y, X) or colours (Y, X, 3 or 4), got an array of shape {pixels.shape} and "
            f"{pixels.dtype}."
        )
    film = pixels.astype(np.float32)
    if not np.isfinite(film).all():
        raise ValueError("Expected finite pixels, got NaN or infinite ones; is the file damaged?")
    return np.ascontiguousarray((-film if inverted else film).T[None, None])
