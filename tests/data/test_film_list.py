from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.data import film_spacings, read_film_list
from monai_ceph.data.film_list import film_list_text
from monai_ceph.formats.points import AnnotationError

POINTS = np.array([(1.25, 2.0), (np.nan, np.nan), (3.0, 0.0)])


def item(**changes: object) -> dict[str, object]:
    return {"film": "a #1", "image": Path("/films/a #1.png"), "points_px": POINTS, "part": "new", **changes}


def test_films_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "films.json"
    path.write_text(film_list_text([item(), item(film="b", part="base", spacing_mm=0.1)]))
    assert "NaN" not in path.read_text()  # any JSON reader can read it
    first, second = read_film_list(path)
    np.testing.assert_array_equal(first["points_px"], POINTS.astype(np.float32))
    assert (first["film"], first["image"], first["part"]) == ("a #1", "/films/a #1.png", "new")
    assert second["spacing_mm"] == 0.1


def test_only_films_with_a_spacing_of_their_own_are_named() -> None:
    films = [item(image="a"), item(image="b", spacing_mm=None), item(image="c", spacing_mm=0.1)]
    assert film_spacings(films) == {"c": 0.1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "got something else"),
        ("[]", "got something else"),
        (json.dumps({"films": [{"film": "a", "points_px": []}]}), r"got something else \(KeyError: 'part'\)"),
        (film_list_text([item(part="test")]), r"one of new, base, held_out, got \['test'\]"),
    ],
)
def test_other_content(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "films.json").write_text(content)
    with pytest.raises(AnnotationError, match=message):
        read_film_list(tmp_path / "films.json")
