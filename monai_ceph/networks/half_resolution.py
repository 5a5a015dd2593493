"""MONAI's ``FlexibleUNet``, ended at half resolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import UpSample
from monai.networks.nets import FlexibleUNet


class HalfResolutionUNet(torch.nn.Module):
    """Compute heatmaps at half resolution and upsample the logits.

    The Gaussians of a heatmap are several pixels wide, so half resolution is enough. This saves the last block of a
    U-Net's decoder, which takes a third of its time.

    Args:
        in_channels, out_channels, backbone, pretrained: those of ``FlexibleUNet``.
        decoder_channels: channels of the four decoder blocks, from the coarsest to half resolution.
    Example:
        >>> import torch
        >>> from monai_ceph.networks import HalfResolutionUNet
        >>> network = HalfResolutionUNet(in_channels=1, out_channels=20, backbone="efficientnet-lite0").eval()
        >>> network(torch.zeros(1, 1, 50, 70)).shape
        torch.Size([1, 20, 50, 70])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        backbone: str,
        pretrained: bool = False,
        decoder_channels: Sequence[int] = (128, 96, 64, 48),
    ) -> None:
        super().__init__()
        unet = FlexibleUNet(
            in_channels=in_channels,
            out_channels=out_channels,
            backbone=backbone,
            pretrained=pretrained,
            decoder_channels=(*decoder_channels, decoder_channels[-1]),
            interp_mode="bilinear",
        )
        self.encoder, self.decoder = unet.encoder, unet.decoder
        del self.decoder.blocks[-1]
        self.head = torch.nn.Conv2d(decoder_channels[-1], out_channels, kernel_size=3, padding=1)
        # Pixel centres stay where they are only with align_corners=False.
        self.upsample = UpSample(2, scale_factor=2, mode="nontrainable", interp_mode="bilinear", align_corners=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return logits, (B, out_channels, X, Y), of an image (B, in_channels, X, Y) of any size."""
        x, y = image.shape[-2], image.shape[-1]
        even = torch.nn.functional.pad(image, [0, y % 2, 0, x % 2], mode="replicate")
        logits = self.head(self.decoder(self.encoder(even), 4))
        upsampled: torch.Tensor = self.upsample(logits)
        return upsampled[..., :x, :y]
