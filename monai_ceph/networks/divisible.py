"""Networks that halve their input several times, on films of any size."""

from __future__ import annotations

import torch


class DivisibleNet(torch.nn.Module):
    """Pads what a network gets to sides that are multiples of ``k``, and crops what it gives.

    Most U-Nets join what they scaled down and up again, and need sides that k = 2 to the power of the halvings divides;
    MONAI's ``BasicUNet`` is an exception. A film at the global stage's scale has any size.

    Args:
        network: (B, C, X, Y) -> (B, C', X, Y), X and Y multiples of k.
        k: what the sides have to be multiples of.
    Raises:
        ValueError: k is below 1.
    """

    def __init__(self, network: torch.nn.Module, k: int) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"Expected k of at least 1, got {k}.")
        self.network, self.k = network, k

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, C, X, Y) -> (B, C', X, Y). Pixels are added at the ends of both axes, so that indices stay true."""
        x, y = image.shape[-2], image.shape[-1]
        # The last pixel goes on: a black border would be an edge that no film has, and would shift an instance norm.
        padded = torch.nn.functional.pad(image, [0, -y % self.k, 0, -x % self.k], mode="replicate")
        return self.network(padded)[..., :x, :y]
