"""A small drawn film with its prediction, as reports take them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms.mean_shape import MEAN_MM
from monai_ceph.prediction import Prediction
from monai_ceph.writers.film_report import FilmReport, film_report

HOSTILE = """<script src='http://x.example/a.js'></script>"&amp;$x^2$"""
SPACING_MM = (2.0, 2.0)
FILM = np.random.default_rng(0).integers(0, 255, (100, 110)).astype(np.float32)
POINTS_PX = (MEAN_MM - MEAN_MM.min(0)) / SPACING_MM + 10


def prediction(without: str = "", **changes: Any) -> Prediction:
    """Return the mean face on :data:`FILM`, without some of its landmarks."""
    missing = [symbol in without.split() for symbol in ISBI19.symbols]
    points_px = np.where(np.array(missing)[:, None], np.nan, POINTS_PX)
    made = Prediction("film.png", ISBI19, points_px, np.linspace(0.5, 0.95, 19), SPACING_MM, "user")
    return replace(made, **changes)


def report(**changes: Any) -> FilmReport:
    return film_report(prediction(**changes), FILM.shape, "a model, weights 0123456789ab")
