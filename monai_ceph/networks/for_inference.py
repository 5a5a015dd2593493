"""The same network in fewer steps, for a network that will not be trained any more."""

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
"""Block -> its convolutions, each with the batch norm that follows it directly."""


def for_inference(network: Network) -> Network:
    """A copy that gives the same and does less: no batch norms behind convolutions, no copies where nothing is padded.

    A batch norm that is not trained is a factor and a summand of each channel, which go into the weights of the
    convolution before it. MONAI's ``Convolution``, ``EfficientNet`` and ``UpCat`` are
    simplified; every other block stays as it is.

    Args:
        network: with its weights loaded; not changed. The copy takes no weights of such a network any more.
    Returns:
        The copy, in ``eval`` mode: (B, C, X, Y) to what ``network`` gives in ``eval`` mode, to rounding.
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
    """Where the convolution's output goes into a batch norm first, into the convolution with it."""
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
    """MONAI's ``UpCat`` of an image, which pads, and so copies, also where both sizes are the same."""

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
