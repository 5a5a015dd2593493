"""Transforms that only change intensities, without the books that MONAI keeps of where an image lies."""

from __future__ import annotations

from typing import Any

from monai.data import get_track_meta, set_track_meta
from monai.transforms import Compose


class PlainTensorCompose(Compose):
    """A ``Compose`` whose transforms give plain tensors.

    Each of MONAI's transforms makes a MetaTensor, whose every operation copies metadata: a third of the time of a
    training pipeline of small patches. Tracking is switched off for the whole process while these run, so not beside
    threads that read films.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As ``Compose``."""
        before = get_track_meta()
        set_track_meta(False)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            set_track_meta(before)
