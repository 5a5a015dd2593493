"""``monai-ceph convert``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ceph.cli import main
from monai_ceph.commands.convert import FORMATS
from monai_ceph.formats.annotations import natural_scheme, read_annotations
from monai_ceph.formats.convert import FILE_BY_FILM, ONE_FILE, write_annotations
from monai_ceph.formats.kaggle_table import kaggle_text
from monai_ceph.formats.other_scheme import to_scheme
from monai_ceph.formats.points import Annotations, SourceFilm
from monai_ceph.landmarks import AARIZ29, CL_DETECTION38, ISBI19, Landmark, LandmarkScheme

POINTS = {f"{k}.png": np.random.default_rng(k).uniform(100, 900, (19, 2)).round(3) for k in (1, 2)}


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in POINTS:
        Image.new("L", (1000, 1200)).save(folder / name)
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "points.csv").write_text(kaggle_text(POINTS, ISBI19))
    return tmp_path / "points.csv"


def written(folder: Path, kind: str) -> Path:
    return folder / (kind if kind in FILE_BY_FILM else f"{kind}.csv" if kind in ("csv", "kaggle") else f"{kind}.json")


def test_command_and_writers_have_the_same_formats() -> None:
    assert sorted(FORMATS) == sorted((*ONE_FILE, *FILE_BY_FILM))


@pytest.mark.parametrize("with_films", [False, True])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_points_back(
    tmp_path: Path, films: Path, table: Path, kind: str, with_films: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    out = written(tmp_path, kind) if kind != "kaggle" else tmp_path / "again.csv"
    options = ["--films", str(films)] if with_films else ["--spacing", "0.1"]
    assert main(["convert", str(table), "--to", kind, "--output", str(out), *options]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out}: 2 films\n" and printed.err == ""
    read = read_annotations(out, ISBI19)
    assert sorted(read.points_px) == ["1", "2"] and read.problems == ()
    for name, points in POINTS.items():
        np.testing.assert_allclose(read.points_px[name[0]], points, atol=1e-3)
    if with_films and kind in ("labelme", "markups", "coco"):
        assert {source.size for source in read.sources.values()} == {(1000, 1200)}


def test_from_aariz_to_isbi_by_symbol_and_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"title": "", "symbol": s, "value": {"x": 10 * k, "y": 20 * k}} for k, s in enumerate(AARIZ29.symbols, 1)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "cks1.json").write_text(json.dumps({"ceph_id": "cks1", "landmarks": rows}))
    how = ["convert", str(tmp_path / "in"), "--to", "csv", "--output", str(tmp_path / "out.csv"), "--scheme", "isbi19"]
    assert main([*how, "--rename", "Ls=UL"]) == 0
    points = read_annotations(tmp_path / "out.csv", ISBI19).points_px["cks1"]
    assert points[ISBI19.index("UL")].tolist() == [260, 520] and points[ISBI19.index("U1")].tolist() == [220, 440]
    assert np.isnan(points[ISBI19.index("LL")]).all()
    said = capsys.readouterr().err
    assert "Scheme 'isbi19' has no Pn R Co LPM LMT UPM UIA UMT LIA Li N`; not written." in said
    assert "Scheme 'aariz29' has no LL; left empty. --rename OLD=NEW fills them." in said


def test_film_that_a_format_cannot_hold_is_named(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = dict(POINTS)
    points["1.png"] = np.where(np.arange(19)[:, None] == 3, np.nan, points["1.png"])
    table.write_text(kaggle_text(points, ISBI19))
    assert main(["convert", str(table), "--to", "isbi", "--output", str(tmp_path / "isbi")]) == 1
    assert "Film '1': without Po, and ISBI's .txt cannot leave a landmark out" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "isbi").iterdir()] == ["2.txt"]


def test_film_whose_name_cannot_be_written_stops_no_other(tmp_path: Path) -> None:
    name = b"M\xfcller.png".decode("utf-8", "surrogateescape")
    points = {film: np.full((19, 2), 50.0) for film in ("a", "b")}
    annotations = Annotations("anna", ISBI19, points, sources={"a": SourceFilm("a.json", name)})
    failed = write_annotations(annotations, "labelme", tmp_path)
    assert len(failed) == 1 and failed[0].startswith("Film 'a': 'utf-8' codec can't encode")
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]


def test_points_off_their_film_are_named(
    tmp_path: Path, films: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table.write_text(kaggle_text(POINTS | {"1.png": POINTS["1.png"] + np.array([2000, 0])}, ISBI19))
    how = ["convert", str(table), "--to", "csv", "--output", str(tmp_path / "o.csv"), "--films", str(films)]
    assert main(how) == 0
    assert capsys.readouterr().err.count("film '1': landmark ") == 19


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ({"X": "A"}, "'X' cannot become 'A': expected one of S B and one of S A"),
        ({"B": "S"}, "'B' cannot become 'S': 'S' is that landmark already"),
    ],
)
def test_renaming_that_cannot_be(rename: dict[str, str], message: str) -> None:
    ab, sa = (LandmarkScheme(name, tuple(Landmark(s, s) for s in name)) for name in ("SB", "SA"))
    with pytest.raises(ValueError, match=message):
        to_scheme(Annotations("x", ab, {"1": np.ones((2, 2))}), sa, rename)


def test_scheme_of_a_format(tmp_path: Path, table: Path) -> None:
    (tmp_path / "a.json").write_text('{"points": []}')
    (tmp_path / "b.json").write_text('{"landmarks": []}')
    natural = [natural_scheme(path) for path in (table, tmp_path / "a.json", tmp_path / "b.json")]
    assert natural == [ISBI19, CL_DETECTION38, AARIZ29]
