from __future__ import annotations

import numpy as np
import pytest
from matplotlib.text import Text

from monai_ceph.landmarks import ISBI19
from monai_ceph.plots import film_tracing
from tests.reports import FILM, POINTS_PX, prediction


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_every_point_and_plane_is_labelled() -> None:
    figure = film_tracing(FILM, prediction())
    assert sorted(texts(figure)) == sorted([*ISBI19.symbols, "S-N", "FH", "PP", "MP"])


def test_doubtful_points_are_squares_and_missing_ones_are_not_drawn() -> None:
    status = ["found"] * 19
    status[0], status[9] = "doubtful", "missing"
    [axes] = film_tracing(FILM, prediction(without="Go", status=tuple(status))).axes
    marks = {line.get_marker(): line.get_xydata() for line in axes.lines if line.get_marker() != "None"}
    assert marks["s"].tolist() == [POINTS_PX[0].tolist()]
    assert np.isfinite(marks["+"]).all(-1).sum() == 17
    assert "Go" not in texts(axes.figure) and "MP" not in texts(axes.figure)


def test_picture_has_the_shape_of_the_film_in_mm() -> None:
    [axes] = film_tracing(FILM, prediction(spacing_mm=(1.0, 2.0))).axes
    assert axes.get_aspect() == 2.0
    [image] = axes.images
    assert image.get_array().shape == (110, 100)
    assert image.get_extent() == [-0.5, 99.5, 109.5, -0.5]


def test_film_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'film.png': expected a film of shape \(X, Y\), got \(1, 100, 110\)"):
        film_tracing(FILM[None], prediction())


def test_film_without_any_point_is_drawn() -> None:
    assert texts(film_tracing(FILM, prediction(without=" ".join(ISBI19.symbols)))) == []


def test_ellipses_are_drawn_in_pixels_of_the_film() -> None:
    covariance = np.tile(np.diag([4.0, 1.0]), (19, 1, 1))
    covariance[1] = np.nan
    [plain] = film_tracing(FILM, prediction()).axes
    [axes] = film_tracing(FILM, prediction(covariance_mm2=covariance, spacing_mm=(2.0, 0.5))).axes
    drawn = [line.get_xydata() for line in axes.lines if len(line.get_xdata()) > 20]
    assert len(axes.lines) == len(plain.lines) + 18 == len(plain.lines) + len(drawn)
    # 90 % of a normal distribution: 2.146 SD; 2 mm are 1 px along x, and 1 mm are 2 px along y.
    half_axes = np.ptp(drawn[0] - POINTS_PX[0], axis=0) / 2
    np.testing.assert_allclose(half_axes, [2.146, 4.292], rtol=1e-2)
