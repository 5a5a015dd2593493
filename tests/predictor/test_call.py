"""The Python interface: a predictor called with films."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monai_ceph import load_predictor
from monai_ceph.data import FilmError, film_workers, find_films
from monai_ceph.formats import read_annotations
from monai_ceph.predictor import Predictor
from tests.bundles.tiny import SPACING_MM
from tests.data.harm import let_films_do_harm


@pytest.fixture
def predictor(tiny_bundle: Path) -> Predictor:
    return load_predictor(tiny_bundle, SPACING_MM, "cpu")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    return path


def test_path_may_be_a_text(predictor: Predictor, phantom_films: Path) -> None:
    film = phantom_films / "phantom_000.png"
    by_text, by_path = predictor(str(film)), predictor(film)
    assert by_text.image == "phantom_000.png"
    np.testing.assert_array_equal(by_text.points_px, by_path.points_px)
    np.testing.assert_allclose(by_text.points_mm, by_text.points_px * SPACING_MM)


def test_film_that_ends_its_reader_does_not_end_the_program(
    tiny_bundle: Path, phantom_films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_films_do_harm(monkeypatch, tmp_path / "harm")
    monkeypatch.setattr(film_workers, "_kept", None)
    predictor = load_predictor(tiny_bundle, SPACING_MM, "cpu")
    bad = Path(shutil.copy(phantom_films / "phantom_000.png", tmp_path / "abort.png"))
    with pytest.raises(FilmError, match=r"abort\.png: the file is damaged in a way that ends the program"):
        predictor(bad)
    assert predictor(phantom_films / "phantom_001.png").image == "phantom_001.png"


def test_many_films_come_in_their_order_and_alike(predictor: Predictor, phantom_films: Path) -> None:
    films = find_films([phantom_films])[::-1]
    predictions = list(predictor(films))
    assert [prediction.image for prediction in predictions] == [film.name for film in films]
    for film, prediction in zip(films, predictions, strict=True):
        np.testing.assert_allclose(prediction.points_px, predictor(film).points_px, atol=1e-3)


def test_films_may_come_from_an_iterator_without_a_length(predictor: Predictor, phantom_films: Path) -> None:
    def films() -> Iterator[str]:
        yield from map(str, find_films([phantom_films]))

    assert len(list(predictor(films(), progress=True))) == 3


def test_no_film_at_all(predictor: Predictor) -> None:
    assert list(predictor([])) == []


def test_broken_film_is_raised_when_its_turn_comes(predictor: Predictor, phantom_films: Path, broken: Path) -> None:
    films = [*find_films([phantom_films])[:1], broken]
    predictions = predictor(films)
    assert next(predictions).image == "phantom_000.png"
    with pytest.raises(FilmError, match=r"broken\.png"):
        next(predictions)


def test_error_of_one_film_is_the_readers_own(predictor: Predictor, broken: Path) -> None:
    with pytest.raises(FilmError, match=r"broken\.png"):
        predictor(broken)


def test_broken_film_is_skipped_with_a_warning(
    predictor: Predictor, phantom_films: Path, broken: Path, caplog: pytest.LogCaptureFixture
) -> None:
    films = find_films([phantom_films])
    with caplog.at_level(logging.WARNING, "monai_ceph"):
        predictions = list(predictor([films[0], broken, films[1]], errors="skip"))
    assert [prediction.image for prediction in predictions] == ["phantom_000.png", "phantom_001.png"]
    [record] = [record for record in caplog.records if "Skipped" in record.message]
    assert str(broken) in record.message


def test_unknown_way_with_errors_is_told_at_once(predictor: Predictor, phantom_films: Path) -> None:
    with pytest.raises(ValueError, match="Expected errors to be 'raise' or 'skip', got 'ignore'"):
        predictor([phantom_films], errors="ignore")  # type: ignore[call-overload]


def test_missing_tqdm_names_the_extra(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"monai-ceph\[cli\]"):
        predictor([], progress=True)


def test_bar_counts_the_films(predictor: Predictor, phantom_films: Path, capfd: pytest.CaptureFixture[str]) -> None:
    list(predictor(find_films([phantom_films]), progress=True))
    assert "3/3" in capfd.readouterr().err


def test_iterator_that_is_given_up_ends_its_threads(predictor: Predictor, phantom_films: Path) -> None:
    predictions = predictor(find_films([phantom_films]) * 3)
    next(predictions)
    predictions.close()  # type: ignore[attr-defined]
    assert list(predictions) == []


def test_markups_are_what_the_command_writes(predictor: Predictor, phantom_films: Path, tmp_path: Path) -> None:
    prediction = predictor(phantom_films / "phantom_000.png")
    prediction.save_markups(tmp_path / "phantom_000.mrk.json")
    read = read_annotations(tmp_path / "phantom_000.mrk.json", spacing_mm=SPACING_MM).points_px["phantom_000"]
    np.testing.assert_allclose(read, prediction.points_px, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "jax"}, "Expected the backend 'torch' or 'onnx', got 'jax'"),
        (
            {"backend": "onnx", "weights": "w.pt"},
            "An exported model has its own weights; leave out weights, got 'w.pt'",
        ),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_predictor(**options)  # type: ignore[arg-type]


def test_bundle_may_be_a_text(tiny_bundle: Path) -> None:
    assert len(load_predictor(str(tiny_bundle), device="cpu").scheme) == 19
