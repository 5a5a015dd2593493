"""Aariz / CEPHA29."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.formats.aariz import parse_aariz, to_aariz
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.files import json_text
from monai_ceph.formats.points import AnnotationError, SourceFilm
from monai_ceph.landmarks import AARIZ29, ISBI19, Landmark, LandmarkScheme

PATH = Path("cks1.json")


def row(symbol: str, x: Any, y: Any) -> dict[str, Any]:
    return {"landmark_id": "ckr", "title": "a title", "symbol": symbol, "value": {"x": x, "y": y}}


def whole() -> dict[str, Any]:
    """Landmark k of the data set at (10 k, 20 k), from 1."""
    rows = [row(symbol, 10 * k, 20 * k) for k, symbol in enumerate(AARIZ29.symbols, 1)]
    return {"ceph_id": "cks1", "landmarks": rows, "dataset_name": "CEPHA29"}


def test_all_29_in_any_order() -> None:
    content = whole()
    content["landmarks"].reverse()
    points, problems, source = parse_aariz(content, PATH, AARIZ29)
    np.testing.assert_array_equal(points, [[10 * k, 20 * k] for k in range(1, 30)])
    assert problems == [] and source == SourceFilm("cks1.json", "cks1")


def test_read_as_isbi_19_by_symbol() -> None:
    """By hand: S is the 11th of the list, the lower incisor's tip the 18th, the soft-tissue pogonion the 28th."""
    points, problems, _ = parse_aariz(whole(), PATH, ISBI19)
    assert points[ISBI19.index("S")].tolist() == [110, 220]
    assert points[ISBI19.index("L1")].tolist() == [180, 360]
    assert points[ISBI19.index("Pog'")].tolist() == [280, 560]
    assert problems == ["cks1.json: landmark UL is missing.", "cks1.json: landmark LL is missing."]


def test_missing_doubled_unknown_and_placeholder() -> None:
    two = LandmarkScheme("three", (Landmark("S", "sella"), Landmark("N", "nasion"), Landmark("A", "a")))
    content = {"landmarks": [row("S", 1, 2), row("S", 1, 3), row("N", -1, -1), row("ear", 5, 6), row("R", 7, 8)]}
    points, problems, _ = parse_aariz(content, PATH, two)
    assert np.isnan(points).all()
    assert problems == [
        "cks1.json: 'ear' is not a landmark of scheme 'three'; it is not used.",
        "cks1.json: landmark S is given 2 times ((1.0, 2.0), (1.0, 3.0)); it counts as missing.",
        "cks1.json: landmark N is at (-1, -1), which stands for a landmark that was not marked; it counts as missing.",
        "cks1.json: landmark A is missing.",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"landmarks": 3}, r"expected Aariz JSON with a list of 'landmarks'"),
        ({"landmarks": [3]}, r"expected Aariz JSON with a list of 'landmarks'"),
        ({"landmarks": [row("ear", 1, 2)]}, r"none of its landmarks \(ear\) is one of scheme 'isbi19'"),
        ({"landmarks": [row("S", "x", 2)]}, r"landmark 'S': expected a number of pixels, got 'x'"),
        ({"landmarks": [{"symbol": "S", "value": [1, 2]}]}, r"landmark 'S': expected a value {'x', 'y'}, got \[1, 2\]"),
    ],
)
def test_malformed_file(content: dict[str, Any], message: str) -> None:
    with pytest.raises(AnnotationError, match=message) as caught:
        parse_aariz(content, PATH, ISBI19)
    assert str(caught.value).startswith("cks1.json")


def test_the_data_sets_layout_with_its_pixel_sizes(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "Annotations" / "Cephalometric Landmarks" / "Senior Orthodontists"
    folder.mkdir(parents=True)
    for film in ("cks1", "cks2"):
        (folder / f"{film}.json").write_text(json.dumps(whole() | {"ceph_id": film}))
    (tmp_path / "cephalogram_machine_mappings.csv").write_text(
        "\ufeffcephalogram_id,machine,pixel_size,image_format,mode\ncks1,a machine,0.1,png,TRAIN\n"
    )
    read = read_annotations(folder, AARIZ29)
    assert (read.observer, read.problems) == ("Senior Orthodontists", ())
    assert list(read.points_px) == ["cks1", "cks2"] and read.spacings_mm == {"cks1": (0.1, 0.1)}


def test_written_under_the_data_sets_symbols_and_read_back(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(10, 2000, (len(ISBI19), 2)).round(3)
    points[ISBI19.index("Go")] = np.nan
    content = to_aariz("a", points, ISBI19)
    symbols = {one["symbol"]: one["title"] for one in content["landmarks"]}
    assert symbols["LIT"] == "Lower Incisor Tip" and symbols["Pog`"] == "Soft Tissue Pogonion"
    assert symbols["UL"] == "upper lip" and "Go" not in symbols  # the data set has no landmark that is surely UL
    (tmp_path / "a.json").write_text(json_text(content))
    np.testing.assert_array_equal(read_annotations(tmp_path, ISBI19).points_px["a"], points)
