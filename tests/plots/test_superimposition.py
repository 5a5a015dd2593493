from __future__ import annotations

import numpy as np
from matplotlib.text import Text

from monai_ceph.landmarks import ISBI19
from monai_ceph.plots import superimposed_tracings
from monai_ceph.plots.superimposition import superimposition_page
from monai_ceph.writers.superimposition import superimpose
from tests.reports import FILM, POINTS_PX, prediction


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_page_says_which_films_and_what_changed() -> None:
    remark = "the face looks to the left, and this remark goes on for longer than a line of the page has room " * 8
    later = prediction(image="b.png", spacing_mm=None, spacing_source="unknown", remarks=(remark,))
    figure = superimposition_page(FILM, FILM, superimpose(prediction(), later))
    words = " ".join(" ".join(texts(figure)).split())
    for part in ("A: film.png, pixel size 2 mm", "B: b.png, pixel size unknown", "with the same length of S-N", "SNA"):
        assert part in words
    assert words.count("the face looks to the left") == 8  # none is left out
    assert "nan" not in words
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.findobj(Text) if text.get_text()]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0 for box in boxes)


def test_both_tracings_begin_at_sella_and_b_is_filled() -> None:
    [axes] = superimposed_tracings(superimpose(prediction(), prediction(points_px=POINTS_PX * 1.01))).axes
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert marks[0].get_markerfacecolor() == "white"
    for line in marks:
        np.testing.assert_allclose(line.get_xydata()[ISBI19.index("S")], [0, 0], atol=1e-9)
    assert sorted(texts(axes.figure)) == sorted(ISBI19.symbols)
    assert axes.yaxis_inverted()  # down, as on a film
