"""What the models that see the whole film at once share: how a film is read and varied, and the training loop.

The loop is the plainest there is, with what our own stages train with where it is a matter of taste: AdamW, one cycle
of the learning rate over the budget, gradients clipped at 1, bfloat16 autocast, channels last, the last weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import CacheDataset, DataLoader, MetaTensor
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    NormalizeIntensityd,
    RandAffined,
    Resized,
    Transform,
)

from benchmarks.models.common import AUTOCAST_DTYPE, Job, Training
from monai_ceph.data import FilmReader
from monai_ceph.predictor.bundle import paper_bundle

Item = Mapping[Hashable, Any]


def channels_last(network: torch.nn.Module, device: str) -> torch.nn.Module:
    """Move a network to a device, in the memory format that convolutions prefer."""
    # torch's stubs leave memory_format out.
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def reading(longest_px: int) -> list[Transform]:
    """A film's file -> (1, X, Y), its longest side ``longest_px``; its affine maps array indices to film pixels."""
    return [
        LoadImaged(keys="image", reader=FilmReader()),
        EnsureChannelFirstd(keys="image"),
        Resized(keys="image", spatial_size=longest_px, size_mode="longest"),  # its mode "area" is a low-pass as well
        NormalizeIntensityd(keys="image"),
    ]


def augmentation(keys: Sequence[str], longest_px: int) -> list[Transform]:
    """Turned by 12 degrees, scaled by 15 %, shifted by 5 % at most; grey values varied as in our own training.

    Args:
        keys: what is moved; the first one is the film.
        longest_px: longest side of the film.
    """
    config = ConfigParser(ConfigParser.load_config_file(paper_bundle() / "configs" / "train.json"))
    turned = RandAffined(
        keys=keys,
        prob=1.0,
        rotate_range=math.radians(12),
        scale_range=0.15,
        translate_range=0.05 * longest_px,
        padding_mode="zeros",  # the mean of a film, as its grey values are normalised
    )
    return [turned, *config.get_parsed_content("augmentation")]


def one_cycle(fraction: float, warm_up: float = 0.1, start: float = 0.04) -> float:
    """Learning rate as a share of its largest, after a share of the budget: the cosines of torch's ``OneCycleLR``."""
    if fraction < warm_up:
        return start + (1 - start) * (1 - math.cos(math.pi * fraction / warm_up)) / 2
    return (1 + math.cos(math.pi * (fraction - warm_up) / (1 - warm_up))) / 2


def fit(
    job: Job,
    network: torch.nn.Module,
    transforms: Sequence[Transform],
    loss: Callable[[torch.Tensor, Any], torch.Tensor],
    *,
    batch_size: int,
    learning_rate: float,
    dtype: torch.dtype = torch.bfloat16,
    remarks: str,
) -> Training:
    """Trains until the budget is spent and leaves ``model.pt`` in the work folder.

    Args:
        job: what to train on, how long.
        network: trained in place.
        transforms: film's file and ``points_px`` -> a batch's item; what comes before the first random one is done
            once a film, before the clock starts.
        loss: (network's output in float32, the batch) -> a scalar.
        batch_size: films an iteration.
        learning_rate: the largest.
        dtype: see :func:`output_of`.
        remarks: for train.json.
    """
    transform = Compose(transforms).set_random_state(seed=job.seed)
    films = [{**film, "points_px": np.array(film["points_px"], dtype=np.float32)} for film in job.train]
    data = CacheDataset(films, transform, num_workers=None, copy_cache=False, progress=False)
    shuffle = torch.Generator().manual_seed(job.seed)
    loader = DataLoader(data, batch_size=batch_size, shuffle=True, drop_last=True, generator=shuffle)
    channels_last(network, job.device).train()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    iterations = 0
    budget = job.budget()
    while not budget.over:
        for batch in loader:
            optimizer.param_groups[0]["lr"] = learning_rate * one_cycle(budget.fraction)
            optimizer.zero_grad()
            value = loss(output_of(network, batch["image"], dtype), batch)
            value.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            iterations += 1
            if iterations % 25 == 1:
                print(f"{budget.spent_minutes:.2f} min, iteration {iterations}, loss {value.item():.5f}", flush=True)
            if budget.over:
                break
    training_minutes, wall_minutes = budget.spent_minutes, budget.wall_minutes
    torch.save(network.state_dict(), job.work_dir / "model.pt")
    return Training(
        training_minutes,
        wall_minutes,
        iterations,
        films_seen=iterations * batch_size,
        parameters=sum(p.numel() for p in network.parameters()),
        dtype=AUTOCAST_DTYPE if dtype == torch.bfloat16 else "float32",
        packages=("monai",),
        remarks=remarks,
    )


def output_of(network: torch.nn.Module, image: torch.Tensor, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    """What a network gives for (B, 1, X, Y), computed under autocast to ``dtype`` on its own device, as float32."""
    image = image.as_tensor() if isinstance(image, MetaTensor) else image
    device = next(network.parameters()).device
    with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
        output: torch.Tensor = network(image.to(device, memory_format=torch.channels_last))
    return output.float()


def trained(job: Job, network: torch.nn.Module) -> torch.nn.Module:
    """The network with what :func:`fit` left, ready to predict."""
    state = torch.load(job.work_dir / "model.pt", map_location="cpu", weights_only=True)
    network.load_state_dict(state)
    return channels_last(network, job.device).eval()
