"""``monai-ceph predict`` as a user calls it: what it writes, and one sentence for each thing that can be wrong."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from pathlib import Path

import itk
import numpy as np
import pytest
import torch

from monai_ceph.cli import main
from monai_ceph.landmarks import ISBI19
from tests.bundles.tiny import SPACING_MM
from tests.data.harm import let_films_do_harm
from tests.tiny_bundle import make_bundle

SPACING = ("--spacing", str(SPACING_MM))


def predict(*arguments: object) -> int:
    return main(["predict", *map(str, arguments)])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def films_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def only_error(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error; more, or a traceback, is a failure."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("monai-ceph predict: ")
    return lines[0]


def test_folder_of_films(tiny_bundle: Path, phantom_films: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out put"
    assert predict(phantom_films, "--output", out, "--bundle", tiny_bundle, *SPACING) == 0
    names = [film.name for film in films_in(phantom_films)]
    kinds = [f"{name}{suffix}" for name in names for suffix in (".mrk.json", ".overlay.png")]
    assert sorted(p.name for p in out.iterdir()) == sorted([*kinds, "landmarks.csv", ".monai_ceph"])
    table = rows(out / "landmarks.csv")
    assert list(table[0])[:7] == ["image", "landmark", "x_px", "y_px", "x_mm", "y_mm", "confidence"]
    assert [(row["image"], row["landmark"]) for row in table] == [(n, s) for n in names for s in ISBI19.symbols]
    for row in table:
        assert 0 <= float(row["x_px"]) < 323 and 0 <= float(row["y_px"]) < 400
        assert float(row["x_mm"]) == pytest.approx(float(row["x_px"]) * SPACING_MM, abs=1e-3)
    [markup] = json.loads((out / f"{names[0]}.mrk.json").read_text())["markups"]
    for point, row in zip(markup["controlPoints"], table, strict=False):  # a viewer opens a PNG at 1 mm a pixel
        assert point["position"] == pytest.approx([float(row["x_px"]), float(row["y_px"]), 0], abs=1e-3)
    assert (markup["film"]["name"], markup["film"]["size"]) == (names[0], [323, 400])


def test_results_beside_the_films_are_no_films(tiny_bundle: Path, phantom_films: Path, tmp_path: Path) -> None:
    film = films_in(phantom_films)[0]
    (tmp_path / film.name).write_bytes(film.read_bytes())
    for again in ((), ("--overwrite",)):
        assert predict(tmp_path, *again, "--output", tmp_path, "--bundle", tiny_bundle, *SPACING) == 0
        assert {row["image"] for row in rows(tmp_path / "landmarks.csv")} == {film.name}


def test_unknown_spacing_leaves_mm_empty(tiny_bundle: Path, phantom_films: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mha"  # 323 x 400 taken at 0.1 mm would be smaller than a patch, so a large one
    itk.imwrite(itk.image_from_array(np.random.default_rng(0).integers(0, 255, (900, 700), dtype=np.uint8)), str(film))
    png = tmp_path / "film.png"
    itk.imwrite(itk.imread(str(film)), str(png))
    assert predict(png, "--output", tmp_path / "out", "--bundle", tiny_bundle, "--format", "csv") == 0
    table = rows(tmp_path / "out" / "landmarks.csv")
    assert {(row["x_mm"], row["y_mm"], row["spacing_source"]) for row in table} == {("", "", "unknown")}
    assert all(row["x_px"] for row in table)


def test_format_csv_writes_nothing_else(tiny_bundle: Path, phantom_films: Path, tmp_path: Path) -> None:
    film = films_in(phantom_films)[0]
    assert predict(film, "--output", tmp_path / "o", "--bundle", tiny_bundle, "--format", "csv", *SPACING) == 0
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == [".monai_ceph", "landmarks.csv"]


def test_one_bad_film_is_named_and_the_rest_done(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    good = films_in(phantom_films)
    out = tmp_path / "out"
    assert predict(good[0], bad, good[1], "--output", out, "--bundle", tiny_bundle, *SPACING) == 1
    assert str(bad) in only_error(capsys)
    assert {row["image"] for row in rows(out / "landmarks.csv")} == {good[0].name, good[1].name}
    assert not list(out.glob("bad*")) and [path.name for path in out.glob(".*")] == [".monai_ceph"]


@pytest.fixture
def harmful_films(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    let_films_do_harm(monkeypatch, tmp_path / "harm")


@pytest.mark.usefixtures("harmful_films")
def test_film_that_crashes_its_reader_is_named_remembered_and_forgotten(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films, out = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    for name in ("a.png", "abort.png", "b.png"):
        shutil.copy(films_in(phantom_films)[0], films / name)
    arguments = (films, "--output", out, "--bundle", tiny_bundle, *SPACING, "--format", "csv")
    assert predict(*arguments) == 1
    said = only_error(capsys)
    assert (
        f"{films / 'abort.png'}: the file is damaged in a way that ends the program that decodes it (SIGABRT)" in said
    )
    assert {row["image"] for row in rows(out / "landmarks.csv")} == {"a.png", "b.png"}

    assert predict(*arguments) == 1
    assert "(SIGABRT)" in (again := only_error(capsys)) and "It did so before; --overwrite tries it again." in again
    assert predict(*arguments, "--overwrite") == 1
    assert "It did so before" not in only_error(capsys)


@pytest.mark.usefixtures("harmful_films")
def test_complaints_of_a_decoder_are_reported_for_its_film(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = shutil.copy(films_in(phantom_films)[0], tmp_path / "talk.png")
    assert predict(film, "--output", tmp_path / "out", "--bundle", tiny_bundle, *SPACING) == 0
    assert "talk.png: the file may be damaged and its points doubtful (libtiff: bad strip)" in only_error(capsys)
    with (tmp_path / "out" / "landmarks.csv").open(encoding="utf-8", newline="") as file:
        assert {row["status"] for row in csv.DictReader(file)} == {"doubtful"}


def test_what_a_folder_holds_beside_films_is_named(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    shutil.copy(films_in(phantom_films)[0], films / "a.png")
    (films / "notes.txt").write_text("notes")
    (films / "letter.doc").write_text("a letter")
    others = "letter.doc, notes.txt"
    if sys.platform == "linux":  # other systems refuse such a name themselves
        (films / os.fsdecode(b"z\xff.txt")).write_text("notes")
        others += r", z\xff.txt"
    for note in ("", ", 1 of them before (--overwrite does them again)"):
        assert predict(films, "--output", films, "--bundle", tiny_bundle, *SPACING) == 0
        said = capsys.readouterr().out
        assert f"passed over, no film by its name or content: {others}\n" in said
        assert said.count("passed over") == 1  # none of the results
        assert f"1 of 1 films done, in {films}{note}\n" in said


def _text(path: Path) -> None:
    path.write_text("this is no image")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _volume(path: Path) -> None:
    itk.imwrite(itk.image_from_array(np.zeros((5, 60, 50), np.int16)), str(path))


def _stamp(path: Path) -> None:
    itk.imwrite(itk.image_from_array(np.arange(1200, dtype=np.uint16).reshape(40, 30)), str(path))


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("text.png", _text, "text.png"),
        ("empty.png", _empty, "empty.png"),
        ("volume.mha", _volume, "2D|one film|volume|slices|dimension"),
        ("stamp.png", _stamp, "smaller than a patch of 48 px. Is its pixel spacing right"),
    ],
)
def test_film_that_cannot_be_used(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, make, message: str
) -> None:
    film = tmp_path / name
    make(film)
    assert predict(film, "--output", tmp_path / "out", "--bundle", tiny_bundle, *SPACING) == 1
    error = only_error(capsys)
    assert str(film) in error
    assert any(part in error for part in message.split("|"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".monai_ceph"]


def test_missing_film_and_folders_without_films(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for given, message in (
        ("none.png", "there is no such film or folder; check the path"),
        ("nowhere", "there is no such film or folder; check the path"),
        ("empty", "there is no film in this folder"),
    ):
        assert predict(tmp_path / given, "--output", tmp_path / "out", "--bundle", tiny_bundle) == 1
        error = only_error(capsys)
        assert message in error and str(tmp_path / given) in error
    assert not (tmp_path / "out").exists()


def test_two_films_of_one_name(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = films_in(phantom_films)[0]
    twin = tmp_path / film.name
    twin.write_bytes(film.read_bytes())
    assert predict(film, twin, "--output", tmp_path / "out", "--bundle", tiny_bundle) == 1
    assert "have one file name, and results go by it; predict them separately" in only_error(capsys)


def test_output_that_is_a_file(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert predict(phantom_films, "--output", taken, "--bundle", tiny_bundle) == 1
    assert f"Cannot make the folder '{taken}'" in only_error(capsys)
    assert taken.read_text() == "mine"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_output_that_cannot_be_written(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert predict(phantom_films, "--output", locked, "--bundle", tiny_bundle) == 1
    assert f"Cannot write to the folder '{locked}'; choose another output folder" in only_error(capsys)


def _missing(model: Path) -> None:
    model.unlink()


def _truncated(model: Path) -> None:
    model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])


def _not_a_checkpoint(model: Path) -> None:
    model.write_text("weights")


def _of_another_network(model: Path) -> None:
    torch.save(torch.nn.Linear(2, 2).state_dict(), model)


def _of_another_scheme(model: Path) -> None:
    state = torch.load(model, weights_only=True)
    state["symbols"] = torch.tensor(list(b"A B C"), dtype=torch.uint8)
    torch.save(state, model)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_missing, "train the bundle first, or give the path of a model.pt"),
        (_truncated, "The file may be damaged or cut short"),
        (_not_a_checkpoint, "Cannot read weights from"),
        (_of_another_network, "do not fit this network"),
        (_of_another_scheme, "the weights are for the landmarks 'A B C'"),
    ],
)
def test_weights_that_cannot_be_used(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil, message: str
) -> None:
    model = tiny_bundle / "models" / "model.pt"
    spoil(model)
    out = tmp_path / "out"
    assert predict(phantom_films, "--output", out, "--bundle", tiny_bundle, *SPACING) == 1
    error = only_error(capsys)
    assert message in error and str(model) in error
    assert [path.name for path in out.iterdir()] == [".monai_ceph"]


def test_folder_that_is_no_bundle(phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(phantom_films, "--output", tmp_path / "out", "--bundle", tmp_path) == 1
    assert f"'{tmp_path}' is not a bundle: it has no configs/inference.json" in only_error(capsys)


def test_device_that_is_not_there(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for device, message in (("cuda:99", "There is no 'cuda:99' here"), ("abacus", "Unknown device 'abacus'")):
        arguments = ("--output", tmp_path / "out", "--bundle", tiny_bundle, "--device", device)
        assert predict(phantom_films, *arguments) == 1
        assert message in only_error(capsys)


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_films_of_low_confidence_are_named(
    backend: str,
    shipped_bundle: Path,
    phantom_films: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle = make_bundle(shipped_bundle, tmp_path / "doubting", low_confidence=0.999)
    if backend == "onnx":
        pytest.importorskip("onnxscript")
        assert main(["export", "--bundle", str(bundle), "--output", str(bundle / "models" / "model.onnx")]) == 0
    options = ("--output", tmp_path / "out", "--bundle", bundle, "--format", "csv", "--backend", backend)
    capsys.readouterr()
    assert predict(phantom_films, *options, *SPACING) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"monai-ceph predict: {film.name}: low confidence (median of its landmarks below 0.999): is it a lateral "
        f"cephalogram, and is the pixel size right ({SPACING_MM:g} mm, from --spacing)?"
        for film in films_in(phantom_films)
    ]
    assert len(rows(tmp_path / "out" / "landmarks.csv")) == 3 * len(ISBI19)
