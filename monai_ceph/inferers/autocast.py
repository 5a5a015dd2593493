"""Run inference in mixed precision on any device; MONAI's engines support it on CUDA only."""

from __future__ import annotations

from typing import Any

import torch
from monai.inferers import Inferer, SimpleInferer


def fastest_dtype(device: torch.device) -> torch.dtype:
    """Return the precision in which a device runs these networks fastest without a relevant loss of accuracy.

    This is float16 on a GPU, bfloat16 on a CPU that multiplies it in hardware (AMX or AVX512-BF16), and float32
    elsewhere, because a CPU that only emulates bfloat16 is slower with it.

    >>> fastest_dtype(torch.device("cuda"))
    torch.float16
    """
    if device.type == "cuda":
        return torch.float16
    # torch has no public name for these two checks. Where they are missing, float32 is always safe.
    asks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return torch.bfloat16 if any(getattr(torch.cpu, ask, bool)() for ask in asks) else torch.float32


class AutocastInferer(Inferer):
    """Run another inferer under ``torch.autocast`` on the device of the inputs.

    Args:
        inferer: the inferer to run; by default, the network is called directly.
        dtype: the lower precision: a torch dtype or its name, e.g. ``"bfloat16"``; ``"float32"`` turns it off;
            ``"auto"`` uses :func:`fastest_dtype` of the inputs' device.
    Raises:
        ValueError: torch has no such dtype.
    Example:
        >>> inferer = AutocastInferer(dtype="bfloat16")
        >>> inferer(torch.ones(1, 2), torch.nn.Linear(2, 3)).dtype
        torch.bfloat16
    """

    def __init__(self, inferer: Inferer | None = None, dtype: str | torch.dtype = "auto") -> None:
        super().__init__()
        self.inferer = SimpleInferer() if inferer is None else inferer
        resolved = getattr(torch, dtype, None) if isinstance(dtype, str) and dtype != "auto" else dtype
        if resolved != "auto" and not isinstance(resolved, torch.dtype):
            raise ValueError(f"Expected 'auto' or the name of a torch dtype such as 'bfloat16', got {dtype!r}.")
        self.dtype: torch.dtype | str = resolved

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what the other inferer returns."""
        dtype = fastest_dtype(inputs.device) if isinstance(self.dtype, str) else self.dtype
        with torch.autocast(inputs.device.type, dtype=dtype, enabled=dtype != torch.float32):
            return self.inferer(inputs, network, *args, **kwargs)
