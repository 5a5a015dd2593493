"""Does the data keep up with the network? Samples a second of the local stage's pipeline, of its network, and together.

    python -m benchmarks.speed.training [--films FOLDER --points FILE]

A sample is a patch of 112 px with its target, cut from a film held in memory. The same films go through a pipeline of
MONAI's own parts alone (``CacheDataset``, ``RandSpatialCropSamplesd``, ``RandAffined``, the same intensity transforms,
``ApplyTransformToPointsd``, ``GenerateHeatmapd``), which is what one would train the local stage with but for this
package; and through landmarker's data set, whose samples are whole films at 512 px, 21 times the pixels. Nothing else
should run on the machine. Writes ``benchmarks/results/speed_training.csv``.
"""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.data import CacheDataset, DataLoader
from monai.transforms import (
    ApplyTransformToPointsd,
    Compose,
    EnsureChannelFirstd,
    GenerateHeatmapd,
    RandAffined,
    RandSpatialCropSamplesd,
    SelectItemsd,
    SqueezeDimd,
)

from benchmarks.films import bundle_settings
from benchmarks.provenance import command_line, origin, write_results
from benchmarks.speed.machine import landmarker
from monai_ceph.data.datalist import datalist
from monai_ceph.memory import keep_freed_memory
from monai_ceph.phantoms import write_phantoms
from monai_ceph.predictor.bundle import paper_bundle


def local_stage(films: Path, points: Path, run_dir: Path) -> ConfigParser:
    """The bundle's configuration of the local stage on these films."""
    config = bundle_settings("train", "train_local")
    items = datalist(films, [points])
    settings = {
        "bundle_root": str(paper_bundle()),
        "run_dir": str(run_dir),
        "datalist": items,
        "train_datalist": items,
        "val_datalist": items[:1],
        "init_weights": None,
    }
    for key, value in settings.items():
        config[key] = value
    config.parse()
    return config


def monai_alone(config: ConfigParser) -> DataLoader:
    """The local stage's samples from MONAI's parts alone."""
    size, sigma = config.get_parsed_content("patch_size"), config.get_parsed_content("sigma_px")
    patch = (size, size)
    cut = [
        RandSpatialCropSamplesd("image", patch, config.get_parsed_content("samples_per_film"), random_size=False),
        RandAffined(
            "image",
            prob=1.0,
            rotate_range=math.radians(12),
            scale_range=0.15,
            spatial_size=patch,
            padding_mode="zeros",
        ),
        # MONAI's transform of points wants a channel, its heatmaps want none.
        EnsureChannelFirstd("points_px", channel_dim="no_channel"),
        ApplyTransformToPointsd("points_px", refer_keys="image"),
        SqueezeDimd("points_px"),
        GenerateHeatmapd("points_px", sigma, heatmap_keys="label", spatial_shape=patch),
        SelectItemsd(["image", "label"]),
    ]
    transform = Compose([*config.get_parsed_content("preprocessing"), *cut, *config.get_parsed_content("augmentation")])
    films = CacheDataset(config.get_parsed_content("train_datalist"), transform, progress=False)
    return DataLoader(films, batch_size=config.get_parsed_content("films_per_batch"), shuffle=True, drop_last=True)


def batches(loader: Any) -> Iterator[dict[str, torch.Tensor]]:
    return itertools.chain.from_iterable(itertools.repeat(loader))


def rate(step: Callable[[], int], seconds: float) -> float:
    """Samples a second of a step that says how many samples it took, after a warm-up of a fifth of the time."""
    for end, count in ((seconds / 5, False), (seconds, True)):
        samples, start = 0, time.perf_counter()
        while time.perf_counter() - start < end:
            samples += step()
        if count:
            return samples / (time.perf_counter() - start)
    raise AssertionError


def measure(config: ConfigParser, seconds: float) -> dict[str, float]:
    """Samples a second by what is measured."""
    device = config.get_parsed_content("device")
    network, loss = config.get_parsed_content("trained_net"), config.get_parsed_content("train#loss")
    inferer, optimizer = config.get_parsed_content("train#inferer"), config.get_parsed_content("train#optimizer")
    network.train()

    def learn(batch: dict[str, torch.Tensor]) -> int:
        image, label = batch["image"].to(device), batch["label"].to(device)
        optimizer.zero_grad(set_to_none=True)
        loss(inferer(image, network), label).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return len(image)

    ours = batches(config.get_parsed_content("train#dataloader"))
    stock = batches(monai_alone(config))
    one = next(ours)
    rates = {
        "pipeline alone": rate(lambda: len(next(ours)["image"]), seconds),
        "network alone": rate(lambda: learn(one), seconds),
        "together": rate(lambda: learn(next(ours)), seconds),
        "pipeline of MONAI's parts alone": rate(lambda: len(next(stock)["image"]), seconds),
    }
    return rates


def main(argv: Sequence[str] | None = None) -> None:
    parser = command_line(__doc__, "speed_training.csv")
    parser.add_argument("--films", type=Path, help="folder of films of 0.1 mm pixels; default: 16 phantoms")
    parser.add_argument("--points", type=Path, help="their landmarks")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each row is measured")
    arguments = parser.parse_args(argv)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        films, points = arguments.films, arguments.points
        if films is None:
            films, points = Path(folder), Path(folder) / "points.csv"
            write_phantoms(films, count=16, seed=0)
        config = local_stage(films, points, Path(folder) / "run")
        rates = measure(config, arguments.seconds)
        items = config.get_parsed_content("train_datalist")
        given = [{"image": item["image"], "points_px": item["points_px"].tolist()} for item in items]
        theirs = landmarker("training", {"films": given, "seconds": arguments.seconds}, Path(folder))
        if theirs is not None:
            rates["pipeline of landmarker, whole films at 512 px"] = theirs["samples_per_second"]
    device = config.get_parsed_content("device")
    slower = min(rates["pipeline alone"], rates["network alone"])
    made = [
        f"local stage, {'films' if arguments.films else 'phantoms'}",
        *origin("python -m benchmarks.speed.training", device=device),
    ]
    rows = []
    for what, value in rates.items():
        rows.append([what, f"{value:.1f}", f"{100 * value / slower:.0f}" if what == "together" else ""])
        print(f"{value:9.1f} samples/s  {what}")
    write_results(arguments.output, made, ("what", "samples_per_second", "of_the_slower_part_percent"), rows)


if __name__ == "__main__":
    main()
