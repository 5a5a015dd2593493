"""``monai-ceph ruler``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.cli import main
from monai_ceph.phantoms.writing import write_png


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.png"
    write_png(path, np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8))
    return path


def test_two_marks_and_what_lies_between_them(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ruler", str(film), "--points", "20,30", "98.8,30", "--mm", "10"]) == 0
    assert capsys.readouterr().out == "film.png: a pixel is 0.1269 mm; give it with --spacing 0.1269\n"


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (("20,30", "20,430"), "the mark 20,430 is off the film, which has 300 x 400 px."),
        (("20,30", "30,30"), "Expected marks that lie at least 20 px apart, got 10.0 px; take marks further apart."),
    ],
)
def test_marks_that_say_nothing_are_refused(
    film: Path, capsys: pytest.CaptureFixture[str], points: tuple[str, str], message: str
) -> None:
    assert main(["ruler", str(film), "--points", *points, "--mm", "10"]) == 1
    assert message in capsys.readouterr().err


def test_ruler_that_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = np.zeros((100, 400), dtype=np.uint8)
    for k in range(41):
        pixels[20 : 20 + (30 if k % 10 == 0 else 24 if k % 5 == 0 else 16), 60 + 6 * k : 63 + 6 * k] = 255
    write_png(tmp_path / "film.png", pixels)
    assert main(["ruler", str(tmp_path / "film.png")]) == 0
    said = capsys.readouterr().out
    assert re.search(
        r"every 5th of them longer; if they are mm, a pixel is 0.166\d mm; give it with --spacing 0.166\d", said
    )


def test_film_without_a_ruler(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ruler", str(film)]) == 1
    assert "found no ruler with a tick every mm and longer ones every 5 or 10 mm" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["--mm", "10"], ["--points", "20,30", "98,30"]])
def test_marks_without_what_lies_between(film: Path, capsys: pytest.CaptureFixture[str], given: list[str]) -> None:
    assert main(["ruler", str(film), *given]) == 1
    assert "--points and --mm belong together" in capsys.readouterr().err


def test_a_mark_that_is_no_point(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ruler", str(film), "--points", "20", "3,4", "--mm", "10"])
    assert "expected X,Y in pixels such as 120,48.5, got '20'" in capsys.readouterr().err
