"""Mixed precision as an inferer, because MONAI's engines know it for CUDA only."""

from __future__ import annotations

from typing import Any

import torch
from monai.inferers import Inferer, SimpleInferer


def fastest_dtype(device: torch.device) -> torch.dtype:
    """The precision that a device runs these networks fastest in without losing accuracy that matters.

    float16 on a GPU; bfloat16 on a CPU that multiplies it in hardware (AMX or AVX512-BF16); float32 elsewhere, because
    a CPU that only emulates bfloat16 is slower with it.
    """
    if device.type == "cuda":
        return torch.float16
    # torch has no public name for these two questions; without them float32 is always right.
    asks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return torch.bfloat16 if any(getattr(torch.cpu, ask, bool)() for ask in asks) else torch.float32


class AutocastInferer(Inferer):
    """Run another inferer under ``torch.autocast`` on whatever device the inputs are on.

    Args:
        inferer: what to run; by default the network itself.
        dtype: the lower precision: a torch dtype or its name, e.g. ``"bfloat16"``; ``"float32"`` turns it off;
            ``"auto"`` takes :func:`fastest_dtype` of the inputs' device.
    Raises:
        ValueError: no such dtype.
    """

    def __init__(self, inferer: Inferer | None = None, dtype: str | torch.dtype = "auto") -> None:
        super().__init__()
        self.inferer = SimpleInferer() if inferer is None else inferer
        resolved = getattr(torch, dtype, None) if isinstance(dtype, str) and dtype != "auto" else dtype
        if resolved != "auto" and not isinstance(resolved, torch.dtype):
            raise ValueError(f"Expected 'auto' or the name of a torch dtype such as 'bfloat16', got {dtype!r}.")
        self.dtype: torch.dtype | str = resolved

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Any:
        dtype = fastest_dtype(inputs.device) if isinstance(self.dtype, str) else self.dtype
        with torch.autocast(inputs.device.type, dtype=dtype, enabled=dtype != torch.float32):
            return self.inferer(inputs, network, *args, **kwargs)
