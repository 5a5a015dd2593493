"""Run transforms that only change intensities on plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import Compose


class PlainTensorCompose(Compose):
    """Compose transforms that return plain tensors instead of ``MetaTensor``.

    Every operation on a ``MetaTensor`` copies metadata, which takes a third to a half of the time of augmenting small
    patches. MONAI's own switch, ``set_track_meta``, acts on all threads of the process; this one acts on the calling
    thread while the transforms run.

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
        with torch._C.DisableTorchFunctionSubclass():
            out = super().__call__(*args, **kwargs)
        return _plain(out)


def _plain(data: Any) -> Any:
    if isinstance(data, MetaTensor):
        return data.as_tensor()
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    return [_plain(item) for item in data] if isinstance(data, list) else data
