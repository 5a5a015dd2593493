"""Films as pictures for a browser."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_ceph.data.film_format import FilmError
from monai_ceph.page import film_picture
from monai_ceph.page.film_picture import KEPT, FilmPictures, film_png, natural_window


def _decoded(png: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(png))
    assert picture.mode == "L"
    return np.asarray(picture).T


def test_8_bit_film_is_shown_as_it_is() -> None:
    film = np.arange(256, dtype=np.float32).reshape(32, 8)
    assert natural_window(film) == (0, 255)
    np.testing.assert_array_equal(_decoded(film_png(film, natural_window(film))), film)


def test_the_window_of_a_deep_film_leaves_out_the_brightest_writing() -> None:
    film = np.random.default_rng(0).uniform(500, 3000, (400, 400))
    film[:4, :12] = 65535
    low, high = natural_window(film)
    assert 500 <= low < 510 and 2990 < high <= 3000


def test_a_deep_film_of_one_value_has_a_window() -> None:
    low, high = natural_window(np.full((8, 8), 700.0))
    assert low < high


@pytest.mark.parametrize("window", [(10, 10), (10, 5), (float("nan"), 5), (0, float("inf"))])
def test_an_empty_window_is_refused(window: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="Expected a window of two finite gray values, the lower one first"):
        film_png(np.zeros((4, 4)), window)


def test_a_film_that_was_replaced_is_read_again_and_only_a_few_are_kept(tmp_path: Path) -> None:
    paths = [tmp_path / f"{k}.png" for k in range(KEPT + 2)]
    for k, path in enumerate(paths):
        Image.effect_noise((40 + k, 30), 60).save(path)
    pictures = FilmPictures(0.1)
    assert [pictures.get(path).film.shape for path in paths] == [(40 + k, 30) for k in range(KEPT + 2)]
    assert len(pictures._kept) == KEPT
    assert pictures.get(paths[-1]) is pictures.get(paths[-1])
    Image.effect_noise((70, 30), 60).save(paths[-1])
    assert pictures.get(paths[-1]).film.shape == (70, 30)
    assert pictures.get(paths[-1]).info.spacing_mm == (0.1, 0.1)


def test_a_film_that_several_ask_for_at_once_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.effect_noise((40, 30), 60).save(tmp_path / "a.png")
    both, reads, read = threading.Barrier(2), [], film_picture.read_film_apart

    def counted(path: Path, spacing_mm: float | None) -> Any:
        reads.append(path.name)
        return read(path, spacing_mm)

    def ask() -> film_picture.FilmPicture:
        both.wait(60)
        return pictures.get(tmp_path / "a.png")

    monkeypatch.setattr(film_picture, "read_film_apart", counted)
    pictures = FilmPictures()
    with ThreadPoolExecutor(2) as threads:
        first, second = [asked.result(60) for asked in [threads.submit(ask), threads.submit(ask)]]
    assert first is second and reads == ["a.png"]


def test_a_film_that_could_not_be_read_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.effect_noise((40, 30), 60).save(tmp_path / "a.png")
    pictures, read = FilmPictures(), film_picture.read_film_apart

    def refuse(path: Path, spacing_mm: float | None) -> Any:
        raise FilmError("a.png: the disk is away.")

    monkeypatch.setattr(film_picture, "read_film_apart", refuse)
    with pytest.raises(FilmError, match=r"a\.png: the disk is away"):
        pictures.get(tmp_path / "a.png")
    monkeypatch.setattr(film_picture, "read_film_apart", read)
    assert pictures.get(tmp_path / "a.png").film.shape == (40, 30)
