"""The same network in fewer steps, for a network that will not be trained any more."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from monai.networks.blocks import Convolution
from monai.networks.nets.basic_unet import UpCat
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=torch.nn.Module)


def for_inference(network: Network) -> Network:
    """A copy that gives the same and does less: no batch norms behind convolutions, no copies where nothing is padded.

    A batch norm that is not trained is a factor and a summand of each channel, which go into the weights of the
    convolution before it. What is not built of MONAI's ``Convolution`` or ``BasicUNet``'s ``UpCat`` stays as it is.

    Args:
        network: with its weights loaded; not changed. The copy takes no weights of such a network any more.
    Returns:
        The copy, in ``eval`` mode: (B, C, X, Y) to what ``network`` gives in ``eval`` mode, to rounding.
    """
    folded = copy.deepcopy(network).eval()
    for block in [block for block in folded.modules() if isinstance(block, Convolution)]:
        _fold_batch_norm(block)
    _join_without_copies(folded)
    return folded


def _fold_batch_norm(block: Convolution) -> None:
    """Where the convolution's output goes into a batch norm first, into the convolution with it."""
    first = next(iter(block.adn.named_children()), ("", None)) if hasattr(block, "adn") else ("", None)
    name, norm = first
    if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm) and norm.track_running_stats:
        block.conv = fuse_conv_bn_eval(block.conv, norm, transpose=block.is_transposed)
        delattr(block.adn, name)


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
