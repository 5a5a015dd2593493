"""Measure landmarker's geometric errors of JOB.json and print JSON; test_models_landmarker.py runs this script."""

from __future__ import annotations

import json
import sys

import numpy as np
import torch

from benchmarks.models import landmarker_recipe
from benchmarks.models.common import Job


def round_trip_px(image: str, points_px: np.ndarray) -> float:
    """Return the largest distance in film pixels after film -> square -> heatmaps -> decoder -> film."""
    film = landmarker_recipe.film_dataset(image, points_px, landmarker_recipe.preparation(), store=True)[0]
    with torch.no_grad():
        heatmaps = landmarker_recipe.heatmap_generator()(film["landmark"][None])
    back = landmarker_recipe.to_film(landmarker_recipe.decode(heatmaps)[0], film)
    return float(np.linalg.norm(back - points_px, axis=1).max())


def dots_missed_px(image: str, points_px: np.ndarray, seed: int) -> float:
    """Return the largest distance in grid pixels between an augmented landmark and its bright dot."""
    transform = landmarker_recipe.augmentation(seed)
    film = landmarker_recipe.film_dataset(image, points_px, transform, store=True)[0]
    pixels = film["image"].as_tensor()[0].numpy()
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    missed = []
    for row, column in film["landmark"].numpy():
        near = np.hypot(rows - row, columns - column) < 12
        weight = np.clip(pixels - 0.5, 0, None) * near
        missed.append(
            np.hypot((rows * weight).sum() / weight.sum() - row, (columns * weight).sum() / weight.sum() - column)
        )
    return float(max(missed))


if __name__ == "__main__":
    job = Job.read(sys.argv[1])
    films = [(film["image"], np.asarray(film["points_px"])) for film in job.train]
    found = {
        "round_trip_px": max(round_trip_px(*film) for film in films),
        "dots_missed_px": max(dots_missed_px(*film, seed) for film in films for seed in range(4)),
    }
    print(json.dumps(found))
