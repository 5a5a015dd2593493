"""landmarker's share of the speed benchmarks; runs in its own environment, where monai_ceph is not installed.

    .venv-landmarker/bin/python -m benchmarks.speed.landmarker inference|training JOB.json

Its SpatialConfiguration-Net at 512 px with random weights, and its data set with the augmentation and heatmaps of its
ISBI 2015 example, as `benchmarks.models` uses them. Prints JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import ConcatDataset, DataLoader

from benchmarks.models import landmarker_recipe
from benchmarks.models.common import SYMBOLS, gflop, peak_memory_mb, write_landmarks
from benchmarks.models.scn import build


def inference(job: dict[str, Any]) -> dict[str, Any]:
    """Film's file to rows of a CSV file: milliseconds, medians over the films after the warm-up."""
    network = build().to(job["device"]).eval()
    transform = landmarker_recipe.preparation()
    nowhere = [[0.0, 0.0]] * len(SYMBOLS)
    times: dict[str, list[float]] = {"read_ms": [], "locate_ms": [], "write_ms": []}
    autocast = torch.autocast(torch.device(job["device"]).type, torch.bfloat16, enabled=job["dtype"] == "bfloat16")
    with torch.inference_mode(), autocast, tempfile.TemporaryDirectory() as folder:
        for path in job["films"]:
            start = time.perf_counter()
            film = landmarker_recipe.film_dataset(path, nowhere, transform, store=False)[0]
            read = time.perf_counter()
            pixels = film["image"].as_tensor()[None].to(job["device"])
            points = landmarker_recipe.to_film(landmarker_recipe.decode(network(pixels).float())[0], film)
            located = time.perf_counter()
            write_landmarks(Path(folder) / "landmarks.csv", {path: points}, {path: None}, 0.1)
            ends = (start, read, located, time.perf_counter())
            for name, begin, end in zip(times, ends, ends[1:], strict=False):
                times[name].append(1e3 * (end - begin))
        memory = peak_memory_mb()
        work = gflop(lambda: network(pixels))
    medians = {name: statistics.median(values[job["warm_up"] :]) for name, values in times.items()}
    medians["first_film_ms"] = sum(values[0] for values in times.values())
    return {**medians, "peak_memory_mb": memory, "gflop_per_film": work, "dtype": job["dtype"]}


def training(job: dict[str, Any]) -> dict[str, float]:
    """Films a second of the pipeline, films held in memory: picture, landmarks and heatmaps at 512 px."""
    transform = landmarker_recipe.augmentation(0)
    films = [landmarker_recipe.film_dataset(f["image"], f["points_px"], transform, store=True) for f in job["films"]]
    heatmaps = landmarker_recipe.heatmap_generator()
    done, start = 0, time.perf_counter()
    with torch.inference_mode():
        while time.perf_counter() - start < job["seconds"]:
            for batch in DataLoader(ConcatDataset(films), batch_size=1, shuffle=True):
                heatmaps(batch["landmark"])
                done += 1
                if time.perf_counter() - start >= job["seconds"]:
                    break
    return {"samples_per_second": done / (time.perf_counter() - start)}


if __name__ == "__main__":
    print(
        json.dumps(
            {"inference": inference, "training": training}[sys.argv[1]](json.loads(Path(sys.argv[2]).read_text()))
        )
    )
