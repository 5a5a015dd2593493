"""What a training mixes in: the challenge's training films, or any folder of labelled films."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.data.replay_set import ISBI_VALIDATION, read_replay_set
from monai_ceph.formats.points import AnnotationError
from monai_ceph.landmarks import ISBI19, LandmarkScheme
from monai_ceph.phantoms import write_png


def isbi_copy(folder: Path, films: list[str]) -> Path:
    (folder / "cepha400").mkdir(parents=True)
    header = "image_path," + ",".join(f"{k}_x,{k}_y" for k in range(1, 20))
    rows = [f"cepha400/{film}.png," + ",".join(["7"] * 38) for film in films]
    for film in films:
        write_png(folder / "cepha400" / f"{film}.png", np.zeros((20, 30), np.uint8))
    for observer in ("senior", "junior"):
        (folder / f"train_{observer}.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def test_no_validation_or_test_film_of_the_challenge(tmp_path: Path) -> None:
    items = read_replay_set(isbi_copy(tmp_path / "isbi", ["001", "006", "149", "150", "151", "400"]), ISBI19)
    assert [(item["film"], item["spacing_mm"]) for item in items] == [("001", 0.1), ("149", 0.1)]


def test_the_bundle_validates_on_the_same_films(repository: Path) -> None:
    path = repository / "bundles" / "cephalometric_landmarks" / "configs" / "train.json"
    films = json.loads(path.read_text(encoding="utf-8"))["validation_films"]
    assert eval(films[1:]) == [f"{film:03d}" for film in ISBI_VALIDATION]


def test_another_scheme_has_no_use_for_the_challenge(tmp_path: Path) -> None:
    scheme = LandmarkScheme("two", ISBI19.landmarks[:2])
    with pytest.raises(AnnotationError, match="has the landmarks of 'isbi19', not of 'two'"):
        read_replay_set(isbi_copy(tmp_path, ["001"]), scheme)


def test_a_folder_without_labels(tmp_path: Path) -> None:
    write_png(tmp_path / "film.png", np.zeros((20, 30), np.uint8))
    with pytest.raises(AnnotationError, match="expected the ISBI 2015 data set, or films with labels in labels/final"):
        read_replay_set(tmp_path, ISBI19)
