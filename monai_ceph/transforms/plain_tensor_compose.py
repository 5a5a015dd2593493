"""Run transforms that only change intensities on plain tensors."""

from __future__ import annotations

from typing import Any

from monai.data import get_track_meta, set_track_meta
from monai.transforms import Compose


class PlainTensorCompose(Compose):
    """Compose transforms that return plain tensors instead of ``MetaTensor``.

    Every operation on a ``MetaTensor`` copies metadata, which takes a third of the time of a training pipeline on small
    patches. This switches metadata off for the whole process while the transforms run, so do not use it beside threads
    that read films.

    Args:
        transforms: the transforms; none may move pixels, because the affine is lost.
    Example:
        >>> import torch
        >>> from monai.transforms import ShiftIntensity
        >>> from monai_ceph.transforms import PlainTensorCompose
        >>> type(PlainTensorCompose([ShiftIntensity(1.0)])(torch.zeros(1, 4, 4))).__name__
        'Tensor'
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the transforms in order, as ``Compose`` does."""
        before = get_track_meta()
        set_track_meta(False)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            set_track_meta(before)
