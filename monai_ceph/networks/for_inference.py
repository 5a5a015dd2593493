"""Make a trained network faster without changing its output."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from monai.networks.blocks import Convolution
from monai.networks.nets.basic_unet import UpCat
from monai.networks.nets.efficientnet import EfficientNet, MBConvBlock
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=torch.nn.Module)

_CONVOLUTION_AND_NORM: dict[type[torch.nn.Module], tuple[tuple[str, str], ...]] = {
    EfficientNet: (("_conv_stem", "_bn0"),),
    MBConvBlock: (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")),
}
"""Block -> its convolutions, each with the batch norm that directly follows it."""


def for_inference(network: Network) -> Network:
    """Return a faster copy of a network: batch norms folded into convolutions, and no needless copies.

    In ``eval`` mode a batch norm multiplies each channel by a factor and adds a constant, both of which the weights of
    the convolution before it can absorb. MONAI's ``Convolution``, ``EfficientNet`` and ``UpCat`` are simplified; every
    other block stays as it is.

    Args:
        network: the network with its weights loaded; it is not changed.
    Returns:
        The copy, in ``eval`` mode. Its output equals the network's up to rounding. The network's checkpoints can no
        longer be loaded into it.
    Example:
        >>> import torch
        >>> from monai.networks.blocks import Convolution
        >>> from monai_ceph.networks import for_inference
        >>> network = Convolution(2, 1, 4, norm="batch").eval()
        >>> faster = for_inference(network)
        >>> image = torch.rand(1, 1, 8, 8)
        >>> bool(torch.allclose(network(image), faster(image), atol=1e-5)), len(list(faster.parameters()))
        (True, 3)
    """
    folded = copy.deepcopy(network).eval()
    for block in list(folded.modules()):
        if isinstance(block, Convolution):
            _fold_batch_norm(block)
        for kind, pairs in _CONVOLUTION_AND_NORM.items():
            if isinstance(block, kind):
                _fold_pairs(block, pairs)
    _join_without_copies(folded)
    return folded


def _fold_batch_norm(block: Convolution) -> None:
    """Fold the batch norm into the convolution if it directly follows it."""
    first = next(iter(block.adn.named_children()), ("", None)) if hasattr(block, "adn") else ("", None)
    name, norm = first
    if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm) and norm.track_running_stats:
        block.conv = fuse_conv_bn_eval(block.conv, norm, transpose=block.is_transposed)
        delattr(block.adn, name)


def _fold_pairs(block: torch.nn.Module, pairs: tuple[tuple[str, str], ...]) -> None:
    for convolution_name, norm_name in pairs:
        convolution, norm = getattr(block, convolution_name), getattr(block, norm_name)
        if isinstance(convolution, torch.nn.Conv2d) and isinstance(norm, torch.nn.BatchNorm2d):
            setattr(block, convolution_name, fuse_conv_bn_eval(convolution, norm))
            setattr(block, norm_name, torch.nn.Identity())


def _join_without_copies(network: torch.nn.Module) -> None:
    for name, child in network.named_children():
        if isinstance(child, UpCat):
            setattr(network, name, _LeanUpCat(child))
        else:
            _join_without_copies(child)


class _LeanUpCat(UpCat):
    """MONAI's ``UpCat`` of an image, which pads, and therefore copies, even where both sizes are equal."""

    def __init__(self, upcat: UpCat) -> None:
        torch.nn.Module.__init__(self)
        self.upsample, self.convs, self.is_pad = upcat.upsample, upcat.convs, upcat.is_pad

    def forward(self, x: torch.Tensor, x_e: torch.Tensor | None) -> torch.Tensor:
        up = self.upsample(x)
        if x_e is not None:
            x_short, y_short = x_e.shape[-2] - up.shape[-2], x_e.shape[-1] - up.shape[-1]
            if self.is_pad and (x_short != 0 or y_short != 0):
                up = torch.nn.functional.pad(up, [0, y_short, 0, x_short], "replicate")
            up = torch.cat([x_e, up], dim=1)
        out: torch.Tensor = self.convs(up)
        return out
