"""EfficientNet-Lite0 written out as its paper has it: a list of convolutions, from the weights' own names."""

from __future__ import annotations

import torch
from torch.nn.functional import batch_norm, conv2d, pad, relu6

# (repeats, kernel, stride, channels) of each stack; MnasNet's search, Tan and Le 2019, table 1.
STACKS = [(1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80), (3, 5, 1, 112), (4, 5, 2, 192), (1, 3, 1, 320)]


def _same(image: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """TensorFlow's SAME padding: as little as possible, the odd pixel at the end."""
    padding = []
    for side in (image.shape[-1], image.shape[-2]):
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        padding += [total // 2, total - total // 2]
    return pad(image, padding)


def features(image: torch.Tensor, weights: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The output of every stack, by the names of the weights as published (blocks numbered through)."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        parts = (weights[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
        return batch_norm(x, *parts, eps=1e-3)

    x = relu6(norm(conv2d(_same(image, 3, 2), weights["_conv_stem.weight"], stride=2), "_bn0"))
    outputs, number = [], 0
    for repeats, kernel, first_stride, _ in STACKS:
        for repeat in range(repeats):
            block, stride = f"_blocks.{number}", first_stride if repeat == 0 else 1
            y = x
            if number > 0:
                y = relu6(norm(conv2d(y, weights[f"{block}._expand_conv.weight"]), f"{block}._bn0"))
            depthwise = weights[f"{block}._depthwise_conv.weight"]
            y = conv2d(_same(y, kernel, stride), depthwise, stride=stride, groups=len(depthwise))
            y = norm(conv2d(relu6(norm(y, f"{block}._bn1")), weights[f"{block}._project_conv.weight"]), f"{block}._bn2")
            x = x + y if y.shape == x.shape else y
            number += 1
        outputs.append(x)
    return outputs
