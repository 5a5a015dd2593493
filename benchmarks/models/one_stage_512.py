"""A plain U-Net on the whole film at 512 px, as a MONAI user would build it first.

MONAI's ``BasicUNet`` as it comes, MONAI's ``GenerateHeatmapd`` as the target, binary cross-entropy, the largest pixel
of each heatmap as the point. The heatmaps are made once a film (0.4 s each) and moved together with the film.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.networks.nets import BasicUNet
from monai.transforms import CastToTyped, Compose, GenerateHeatmapd, SelectItemsd, Transform

from benchmarks.models.common import SYMBOLS, Job, Predictor, Training, main
from benchmarks.models.whole_film import Item, augmentation, fit, output_of, reading, trained
from monai_ceph.geometry import array_to_film
from monai_ceph.heatmaps import decode_argmax

LONGEST_PX = 512
SIGMA_PX = 5.0
"""The default of ``GenerateHeatmapd``."""
BATCH = 1
"""Instance normalisation needs no more, and a short budget has more use for iterations."""
LOSS = torch.nn.BCEWithLogitsLoss()


class _Heatmaps(Transform):
    """``GenerateHeatmapd`` with the film's own size: by itself it takes the size before the film was resized."""

    def __call__(self, item: Item) -> Item:
        make = GenerateHeatmapd(
            keys="points_px",
            heatmap_keys="label",
            sigma=SIGMA_PX,
            ref_image_keys="image",
            coordinate_space="world",  # the affine leads from film pixels to the array
            spatial_shape=tuple(item["image"].shape[1:]),
        )
        return make(item)


def train(job: Job) -> Training:
    transforms = [
        *reading(LONGEST_PX),
        _Heatmaps(),
        SelectItemsd(keys=["image", "label"]),
        CastToTyped(keys="label", dtype=torch.float16),  # 1 GB for 125 films; RandAffined makes float32 of it again
        *augmentation(["image", "label"], LONGEST_PX),
    ]

    def loss(logits: torch.Tensor, batch: Any) -> torch.Tensor:
        return LOSS(logits, batch["label"].as_tensor().to(logits.device))

    remarks = f"{BATCH} film a batch; targets made before the clock started"
    return fit(job, _network(), transforms, loss, batch_size=BATCH, learning_rate=2e-3, remarks=remarks)


def load(job: Job) -> Predictor:
    network, read = trained(job, _network()), Compose(reading(LONGEST_PX))

    def locate(item: Item) -> tuple[np.ndarray, np.ndarray]:
        heatmaps = output_of(network, item["image"][None])[0].sigmoid().cpu()
        points = array_to_film(decode_argmax(heatmaps), item["image"].affine)
        return points.numpy(), heatmaps.amax((-2, -1)).numpy()

    return Predictor(lambda film: read({"image": film}), locate)


def _network() -> torch.nn.Module:
    network = BasicUNet(spatial_dims=2, in_channels=1, out_channels=len(SYMBOLS))
    # Almost every pixel's target is 0. From an even start it takes hundreds of iterations to learn that.
    torch.nn.init.constant_(network.final_conv.bias, -7.0)
    return network


if __name__ == "__main__":
    main(train, load)
