"""Mixed precision as an inferer, because MONAI's engines know it for CUDA only."""

from __future__ import annotations

from typing import Any

import torch
from monai.inferers import Inferer, SimpleInferer


class AutocastInferer(Inferer):
    """Run another inferer under ``torch.autocast`` on whatever device the inputs are on.

    Args:
        inferer: what to run; by default the network itself.
        dtype: the lower precision. A string names a torch dtype, e.g. ``"bfloat16"``; ``"float32"`` turns it off.
    """

    def __init__(self, inferer: Inferer | None = None, dtype: str | torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.inferer = SimpleInferer() if inferer is None else inferer
        resolved = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
        if not isinstance(resolved, torch.dtype):
            raise ValueError(f"Expected the name of a torch dtype such as 'bfloat16', got {dtype!r}.")
        self.dtype = resolved

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast(inputs.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            return self.inferer(inputs, network, *args, **kwargs)
