"""Coordinates straight from the film, as ``valve_landmarks`` of MONAI's model zoo finds its ten points.

Its network in our own words: MONAI's ``Regressor`` on 256 x 256 px with densely connected, dilated convolutions where
that has residual units, and a head of its own for every landmark; its loss, the mean absolute error in pixels. Ours are
the training loop and the augmentation, which do not depend on points painted into pictures, and the heads' start at the
mean position of the training films, from where the zoo's 120 000 iterations of 600 pictures are not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.networks.blocks import ConvDenseBlock, Convolution
from monai.networks.nets import Regressor
from monai.transforms import ApplyTransformToPointsd, Compose, Lambdad, SelectItemsd, SpatialPadd, Transform

from benchmarks.models.common import SYMBOLS, Job, Predictor, Training, main
from benchmarks.models.whole_film import Item, augmentation, fit, output_of, reading, trained
from monai_ceph.geometry import array_to_film

SIDE_PX = 256
BATCH = 8
CHANNELS = (8, 16, 32, 64, 128)
DILATIONS = (1, 2, 4)
DTYPE = torch.float32
"""bfloat16 knows no number between 128 and 129, and torch 2.13's gradients of dilated convolutions in it are NaN."""


class PointRegressor(Regressor):
    """(B, 1, 256, 256) -> (B, N, 2), array indices."""

    def _get_layer(self, in_channels: int, out_channels: int, strides: int, is_last: bool) -> torch.nn.Module:
        grown, rest = divmod(out_channels - in_channels, len(DILATIONS))
        dense = ConvDenseBlock(
            spatial_dims=self.dimensions,
            in_channels=in_channels,
            channels=[grown, grown, grown + rest],
            dilations=DILATIONS,
            kernel_size=self.kernel_size,
            num_res_units=self.num_res_units,
            act=self.act,
            norm=self.norm,
            bias=self.bias,
        )
        return torch.nn.Sequential(dense, self._convolution(out_channels, out_channels, strides, conv_only=is_last))

    def _get_final_layer(self, in_shape: Sequence[int]) -> torch.nn.Module:
        landmarks, coordinates = self.out_shape
        features = int(np.prod(in_shape)) // 2  # twice the channels, a quarter of the pixels
        return _Side(
            torch.nn.Sequential(
                self._convolution(in_shape[0], 2 * in_shape[0], 2, conv_only=True),
                torch.nn.Flatten(),
                torch.nn.Linear(features, coordinates),
            )
            for _ in range(landmarks)
        )

    def start_at(self, points: torch.Tensor) -> None:
        """Makes (N, 2) points what the heads give before they have learned anything."""
        with torch.no_grad():
            for head, point in zip(self.final, points, strict=True):
                head[-1].weight.mul_(0.01)
                head[-1].bias.copy_(point)

    def _convolution(self, in_channels: int, out_channels: int, strides: int, conv_only: bool) -> torch.nn.Module:
        return Convolution(
            spatial_dims=self.dimensions,
            in_channels=in_channels,
            out_channels=out_channels,
            strides=strides,
            kernel_size=self.kernel_size,
            act=self.act,
            norm=self.norm,
            bias=self.bias,
            conv_only=conv_only,
        )


class _Side(torch.nn.ModuleList):
    """Heads side by side: (B, C, X, Y) -> (B, N, 2)."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.stack([head(features) for head in self], dim=1)


def train(job: Job) -> Training:
    to_array = ApplyTransformToPointsd(keys="points_px", refer_keys="image", dtype=torch.float32)
    with_channel = Lambdad(keys="points_px", func=lambda points: torch.as_tensor(points)[None])
    transforms = [*_reading(), with_channel, *augmentation(["image"], SIDE_PX), to_array]
    transforms.append(SelectItemsd(keys=["image", "points_px"]))

    def loss(points: torch.Tensor, batch: Any) -> torch.Tensor:
        return torch.nn.functional.l1_loss(points, batch["points_px"].as_tensor()[:, 0].to(points.device))

    network = _network()
    unmoved = Compose([*_reading(), with_channel, to_array])
    network.start_at(torch.stack([unmoved(film)["points_px"][0].as_tensor() for film in job.train]).mean(0))
    remarks = f"{BATCH} films a batch; bfloat16 fails"
    return fit(job, network, transforms, loss, batch_size=BATCH, learning_rate=1e-3, dtype=DTYPE, remarks=remarks)


def load(job: Job) -> Predictor:
    network, read = trained(job, _network()), Compose(_reading())

    def locate(item: Item) -> tuple[np.ndarray, None]:
        points = output_of(network, item["image"][None], DTYPE)[0].cpu()
        return array_to_film(points, item["image"].affine).numpy(), None

    return Predictor(lambda film: read({"image": film}), locate)


def _reading() -> list[Transform]:
    return [*reading(SIDE_PX), SpatialPadd(keys="image", spatial_size=(SIDE_PX, SIDE_PX))]


def _network() -> PointRegressor:
    strides = [2] * len(CHANNELS)
    return PointRegressor((1, SIDE_PX, SIDE_PX), (len(SYMBOLS), 2), CHANNELS, strides)


if __name__ == "__main__":
    main(train, load)
