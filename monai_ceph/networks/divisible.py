"""Run networks that halve their input several times on films of any size."""

from __future__ import annotations

import torch


class DivisibleNet(torch.nn.Module):
    """Pad a network's input to sides that are multiples of ``k``, and crop its output accordingly.

    Most U-Nets need sides that are multiples of k = 2 ** (number of halvings); MONAI's ``BasicUNet`` is an exception.
    A film at the global stage's scale may have any size.

    Args:
        network: (B, C, X, Y) -> (B, C', X, Y), X and Y multiples of k.
        k: the divisor of the padded sides.
    Raises:
        ValueError: k is below 1.
    Example:
        >>> import torch
        >>> from monai_ceph.networks import DivisibleNet
        >>> halve_and_double = torch.nn.Sequential(torch.nn.AvgPool2d(2), torch.nn.Upsample(scale_factor=2))
        >>> DivisibleNet(halve_and_double, k=2)(torch.zeros(1, 1, 7, 9)).shape
        torch.Size([1, 1, 7, 9])
    """

    def __init__(self, network: torch.nn.Module, k: int) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"Expected k of at least 1, got {k}.")
        self.network, self.k = network, k

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return (B, C', X, Y) of (B, C, X, Y). Padding goes to the end of both axes, so that indices stay valid."""
        x, y = image.shape[-2], image.shape[-1]
        # Repeat the last pixel: a black border would be an edge that no film has, and would shift an instance norm.
        padded = torch.nn.functional.pad(image, [0, -y % self.k, 0, -x % self.k], mode="replicate")
        return self.network(padded)[..., :x, :y]
