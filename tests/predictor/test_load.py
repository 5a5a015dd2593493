"""Load a predictor with a site file: what moves, and which files are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monai_ceph import load_predictor
from monai_ceph.atomic import file_sha256
from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms.mean_shape import MEAN_MM
from monai_ceph.site import SiteCalibration, SiteError
from tests.bundles.tiny import SPACING_MM


def site_of(bundle: Path, shift_mm: float = 3.0) -> SiteCalibration:
    bias = np.full((19, 2), -shift_mm)
    weights = file_sha256(bundle / "models" / "model.pt")
    return SiteCalibration(
        ISBI19.symbols, weights, MEAN_MM, bias, np.zeros((19, 2)), np.ones(19), np.full(19, 5), "2026-01-31"
    )


def test_points_move_by_the_shift_and_everything_else_stays(tiny_bundle: Path, phantom_films: Path) -> None:
    films = sorted(phantom_films.glob("*.png"))
    plain = load_predictor(tiny_bundle, SPACING_MM, "cpu")
    moved = load_predictor(tiny_bundle, SPACING_MM, "cpu", site=site_of(tiny_bundle))
    assert moved.scheme == plain.scheme and moved.weights_sha256 == plain.weights_sha256
    for before, after in zip(plain(films), moved(films), strict=True):
        shift_mm = np.linalg.norm(after.points_mm - before.points_mm, axis=-1)
        np.testing.assert_allclose(shift_mm, 3 * np.sqrt(2), rtol=1e-6)
        assert after.site and replace(after, points_px=before.points_px, site="").to_frame().equals(before.to_frame())


def test_file_of_other_weights_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    replace(site_of(tiny_bundle), weights_sha256="ab" * 32).write(tmp_path / "site.json")
    with pytest.raises(SiteError, match=r"'site\.json' was made with the weights abababababab, but this model has"):
        load_predictor(tiny_bundle, SPACING_MM, "cpu", site=tmp_path / "site.json")


def test_missing_file_is_named_before_the_bundle_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"There is no site file '.*none\.json'"):
        load_predictor(tmp_path / "no bundle", site=tmp_path / "none.json")


def test_the_predictor_without_a_site_stays_as_it_is(tiny_bundle: Path) -> None:
    plain = load_predictor(tiny_bundle, SPACING_MM, "cpu")
    site = site_of(tiny_bundle)
    assert plain.at_site(site).site is site and plain.site is None
