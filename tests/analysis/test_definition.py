"""Measurements as data: what is accepted, what is refused, and the classes of ISBI 2015."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from monai_ceph.analysis import MEASUREMENTS, Measurement, Norm, Term, measure, read_measurements
from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms.mean_shape import MEAN_MM

ISBI = {one.name: one for one in MEASUREMENTS if one.analysis == "ISBI 2015"}


def _class(name: str, value: float) -> int:
    return ISBI[name].class_of(value).label


@pytest.mark.parametrize(
    ("name", "low", "high", "below", "above"),
    [
        ("ANB", 3.2, 5.7, 3, 2),
        ("SNB", 74.6, 78.7, 2, 3),
        ("SNA", 79.4, 83.2, 3, 2),
        ("ODI", 68.4, 80.5, 3, 2),
        ("APDI", 77.6, 85.2, 2, 3),
        ("FHI", 65, 75, 3, 2),
        ("FMA", 26.8, 31.4, 3, 2),
    ],
)
def test_classes_of_the_challenge_include_both_limits(
    name: str, low: float, high: float, below: int, above: int
) -> None:
    values = [low - 1e-9, low, (low + high) / 2, high, high + 1e-9]
    assert [_class(name, value) for value in values] == [below, 1, 1, 1, above]


def test_the_overjet_is_class_3_between_edge_to_edge_and_normal() -> None:
    assert [_class("MW", mm) for mm in (-3, -1e-9, 0, 1.99, 2, 4.5, 4.51)] == [3, 3, 2, 3, 1, 1, 4]
    assert ISBI["MW"].class_of(float("nan")) is None


def test_shipped_measurements_need_only_the_19_points_and_name_a_source() -> None:
    assert {symbol for one in MEASUREMENTS for symbol in one.symbols} <= set(ISBI19.symbols)
    assert [one.name for one in MEASUREMENTS if not one.source] == []
    assert [one.name for one in MEASUREMENTS if one.norm and not (one.norm.source and one.norm.population)] == []


def test_a_user_adds_a_measurement_in_five_lines(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(
        """[{"analysis": "mine", "name": "chin height", "unit": "mm",
             "kind": "distance", "points": "Pog Me",
             "norm": {"mean": 8, "sd": 1, "population": "mine", "source": "mine"}}]""",
        encoding="utf-8",
    )
    result = measure(MEAN_MM, 1.0, measurements=read_measurements(tmp_path / "mine.json"))
    assert result.values == pytest.approx([(36 + 6.1**2) ** 0.5])
    assert result.z == pytest.approx([(36 + 6.1**2) ** 0.5 - 8])


ENTRY = {"analysis": "mine", "name": "chin", "unit": "mm", "kind": "distance", "points": "Pog Me"}
TERMS = [{"kind": "angle", "points": "S N A"}]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"unit": "cm"}, "Expected a unit among deg, mm, %, got 'cm'."),
        ({"kind": "length"}, "Expected a kind among angle, inclination, distance, ratio,"),
        ({"points": "Pog"}, "Expected 2 points for the kind 'distance', got 1: Pog."),
        ({"points": 7}, 'expected points such as "S N A", got 7.'),
        ({"kind": "angle", "points": "S N A"}, "The kind 'angle' gives 'deg', not 'mm'."),
        ({"terms": TERMS}, "Terms and a constant are for the kinds sum and smallest, not 'distance'."),
        ({"kind": "sum"}, "Expected terms, and no points, for a measurement of kind 'sum'."),
        ({"colour": "red"}, "expected the fields name, analysis, unit, kind, points"),
        ({"norm": {"mean": 1}}, "missing 2 required positional arguments: 'population' and 'source'"),
        ({"norm": {"mean": 1, "sd": 0, "population": "", "source": ""}}, "with a finite mean and an sd above 0"),
        ({"classes": [3]}, "expected an object with the fields label, meaning, low, high, got 3."),
    ],
)
def test_a_wrong_entry_is_named_with_its_fault(tmp_path: Path, entry: dict, message: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps([ENTRY, {**ENTRY, "name": "other", **entry}]), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"'{path}', measurement 2 'other': ") + ".*" + re.escape(message)):
        read_measurements(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "Cannot read measurements from"), ("{}", "expected a JSON list of measurements, got dict"), ("[]", "list")],
)
def test_a_file_that_holds_no_measurements_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_measurements(tmp_path / "mine.json")


def test_a_name_is_used_once_in_an_analysis(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps([ENTRY, ENTRY]), encoding="utf-8")
    with pytest.raises(ValueError, match="'chin' is in the analysis 'mine' twice"):
        read_measurements(tmp_path / "mine.json")


def test_a_measurement_is_declared_in_python() -> None:
    norm = Norm(8, None, "mine", "mine")
    own = Measurement("chin height", "mine", "mm", "distance", ("Pog", "Me"), norm)
    assert measure(MEAN_MM, 1.0, measurements=[own]).to_frame()["z"].isna().all()


def test_a_definition_in_words_has_all_factors_and_the_constant() -> None:
    terms = (Term("angle", ("S", "N", "A"), 0.5), Term("inclination", ("S", "N", "Go", "Me"), -1))
    one = Measurement("own", "mine", "deg", "sum", terms=terms, constant=-3)
    assert one.definition == "0.5 x (angle S-N-A) - (from S-N to Go-Me) - 3"
    assert replace(one, kind="smallest").definition == "the smallest of 0.5 x (angle S-N-A), - (from S-N to Go-Me) - 3"
    assert ISBI["MW"].definition == "distance L1-U1, signed along Po-Or"
