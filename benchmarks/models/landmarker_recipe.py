"""landmarker's recipe for ISBI 2015, through its own data set, heatmaps, loss and decoder; the network is the caller's.

Runs in landmarker's environment (``make landmarker-env``), where monai_ceph is not installed.

Source:
    "Training and Evaluating Adaptive Heatmap Regression Model for Landmark Detection with ISBI 2015 Cephalometric
    X-ray Dataset", https://predict-idlab.github.io/landmarker (examples/2D-example-ISBI2015-adaptive-heatmap-
    regression.ipynb in its repository). Every number below is from there, but for the optimiser: Adam with a learning
    rate of 1e-4, from landmarker's other ISBI 2015 example (pipeline_scn_isbi2015), in place of SGD with 1e-6, which is
    set for 200 epochs and hardly moves in the minutes given here. What else differs: the budget's clock ends the
    training; the learning rate reacts to the training loss, because validation films choose nothing here; the network
    computes under bfloat16 autocast, as every model of this benchmark that allows it.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

try:
    import torchvision
except RuntimeError:
    # Beside a CPU build of torch, a torchvision built for CUDA does not load its operators, and its import fails on the
    # first one it describes. Nothing here calls them: to have them declared is enough. With a matching pair of builds
    # this is never reached.
    _declared = torch.library.Library("torchvision", "FRAGMENT")
    for _name in ("nms", "qnms"):
        _declared.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401

from landmarker.data import LandmarkDataset
from landmarker.heatmap import GaussianHeatmapGenerator, heatmap_to_coord
from landmarker.losses import GaussianHeatmapL2Loss
from landmarker.transforms.images import UseOnlyFirstChannel
from landmarker.utils import pixel_to_unit
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandGaussianNoised,
    RandHistogramShiftd,
    RandScaleIntensityd,
    ScaleIntensityd,
)
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader

from benchmarks.models.common import AUTOCAST_DTYPE, SYMBOLS, Budget, Job, Predictor, Training, main

SIZE = (512, 512)  # films are padded to a square, then resized
SECONDS_BETWEEN_LINES = 60


def augmentation(seed: int) -> Compose:
    """Grey values, then a rotation of at most 15 degrees, shift, scale and shear; the data set moves the landmarks."""
    transform = Compose(
        [
            UseOnlyFirstChannel(("image",)),
            ScaleIntensityd(("image",)),
            RandGaussianNoised(("image",), prob=0.2, mean=0, std=0.1),
            RandScaleIntensityd(("image",), factors=0.25, prob=0.2),
            RandAdjustContrastd(("image",), prob=0.2, gamma=(0.5, 4.5)),
            RandHistogramShiftd(("image",), prob=0.2),
            ScaleIntensityd(("image",)),
            RandAffined(
                ("image",),
                prob=1,
                rotate_range=(-np.pi / 12, np.pi / 12),
                translate_range=(-10, 10),
                scale_range=(-0.1, 0.1),
                shear_range=(-0.1, 0.1),
            ),
        ]
    )
    return transform.set_random_state(seed)


def preparation() -> Compose:
    """What a film goes through at prediction."""
    return Compose([UseOnlyFirstChannel(("image",)), ScaleIntensityd(("image",))])


def heatmap_generator() -> GaussianHeatmapGenerator:
    """Target heatmaps; their widths and rotations are trained along with the network."""
    return GaussianHeatmapGenerator(nb_landmarks=len(SYMBOLS), sigmas=3, gamma=100, heatmap_size=SIZE, learnable=True)


def film_dataset(image: str, points_px: Any, transform: Compose, store: bool) -> LandmarkDataset:
    """One film as landmarker has it.

    Args:
        image: path.
        points_px: (19, 2), (x, y) in film pixels. landmarker's are (y, x).
        transform: of the image; the data set moves the landmarks by the affine that it leaves.
        store: decode and resize now, once; else whenever the film is asked for.
    """
    landmarks = np.asarray(points_px, dtype=np.float32)[None, :, ::-1].copy()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):  # its progress bars
        return LandmarkDataset(
            [image], landmarks, class_names=list(SYMBOLS), transform=transform, store_imgs=store, dim_img=SIZE
        )


def decode(heatmaps: torch.Tensor) -> torch.Tensor:
    """Heatmaps (B, N, 512, 512) to points (B, N, 2), (y, x), by the local soft-argmax of landmarker's example.

    Its softmax overflows on values above 8, which a network gives that has seen few films: there by the plain argmax.
    """
    fine, coarse = (heatmap_to_coord(heatmaps, method=method) for method in ("local_soft_argmax", "argmax"))
    return torch.where(fine.isfinite(), fine, coarse.to(fine.dtype))


def to_film(points: torch.Tensor, film: dict[str, torch.Tensor]) -> np.ndarray:
    """Points (19, 2), (y, x) in the resized square, to (x, y) in film pixels."""
    original, padding = film["dim_original"][None], film["padding"][None]
    return pixel_to_unit(points[None].cpu(), dim=SIZE, dim_orig=original, padding=padding)[0].flip(-1).numpy()


def train(job: Job, network: nn.Module) -> Training:
    """landmarker's training loop until the budget is spent; leaves ``model.pt`` in the work folder."""
    # One data set per film: a single one holds every film at full size, in float32, before it makes them small.
    transform = augmentation(job.seed)
    films: ConcatDataset[dict[str, torch.Tensor]] = ConcatDataset(
        [film_dataset(f["image"], f["points_px"], transform, store=True) for f in job.train]
    )
    loader = DataLoader(films, batch_size=1, shuffle=True, num_workers=0)
    network = network.to(job.device)
    heatmaps = heatmap_generator().to(job.device)
    loss_function = GaussianHeatmapL2Loss(alpha=5)
    optimizer = torch.optim.Adam(
        [{"params": network.parameters(), "weight_decay": 1e-3}, {"params": heatmaps.parameters()}], lr=1e-4
    )
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=10, cooldown=10)

    budget = job.budget()
    iterations, epochs, first, last, said = 0, 0, math.nan, math.nan, 0.0
    network.train()
    while not budget.over:
        total, steps = 0.0, 0
        for batch in loader:
            # .as_tensor(): MONAI's tensor with metadata, which carries it through every operation at a cost.
            image, points = batch["image"].as_tensor().to(job.device), batch["landmark"].to(job.device)
            optimizer.zero_grad()
            with job.autocast():
                output = network(image)
            loss = loss_function(output.float(), heatmaps.sigmas, heatmaps(points))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 10000.0)
            optimizer.step()
            total, steps = total + loss.item(), steps + 1
            if budget.wall_minutes * 60 - said >= SECONDS_BETWEEN_LINES or iterations + steps == 1:
                said = budget.wall_minutes * 60
                print(_line(budget, iterations + steps, total / steps), flush=True)
            if budget.over:
                break
        else:
            epochs += 1
            scheduler.step(total / steps)
        iterations, last = iterations + steps, total / steps
        first = last if math.isnan(first) else first
    print(_line(budget, iterations, last), flush=True)
    spent, wall = budget.spent_minutes, budget.wall_minutes
    torch.save({"network": network.state_dict(), "heatmaps": heatmaps.state_dict()}, job.work_dir / "model.pt")
    return Training(
        training_minutes=spent,
        wall_minutes=wall,
        iterations=iterations,
        films_seen=iterations,
        parameters=sum(parameter.numel() for module in (network, heatmaps) for parameter in module.parameters()),
        dtype=AUTOCAST_DTYPE,
        packages=("landmarker", "monai", "torchvision"),
        remarks=f"{epochs} whole epochs of the 200 in landmarker's example; "
        f"mean loss {first:.0f} in the first epoch, {last:.0f} in the last",
    )


def _line(budget: Budget, iterations: int, loss: float) -> str:
    return f"{budget.spent_minutes:.1f} of {budget.minutes:g} min, {iterations} iterations, mean loss {loss:.1f}"


def load(job: Job, network: nn.Module) -> Predictor:
    """The trained network with landmarker's reading and its decoder."""
    state = torch.load(job.work_dir / "model.pt", map_location=job.device, weights_only=True)
    network.load_state_dict(state["network"])
    network = network.to(job.device).eval()
    transform = preparation()
    nowhere = np.zeros((len(SYMBOLS), 2))

    def read(image: str) -> dict[str, Any]:
        return film_dataset(image, nowhere, transform, store=False)[0]

    def locate(film: dict[str, Any]) -> tuple[np.ndarray, None]:
        with job.autocast():
            output = network(film["image"].as_tensor()[None].to(job.device))
        return to_film(decode(output.float())[0], film), None

    return Predictor(read=read, locate=locate)


def run(build: Callable[[], nn.Module]) -> None:
    """The command line of a model whose network is ``build()``."""
    main(lambda job: train(job, build()), lambda job: load(job, build()))
