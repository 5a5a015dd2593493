from __future__ import annotations

import math

import pytest

from monai_ceph.evaluation.settings import Settings
from monai_ceph.wording import count, named
from monai_ceph.writers.text import format_number, ruled, settings_lines


@pytest.mark.parametrize(
    ("value", "bounds", "text"),
    [
        (0.925, (0.84, 1.02), " 0.925 [0.84, 1.02]"),
        (0.925, None, " 0.925"),
        (0.925, (math.nan, math.nan), " 0.925"),
        (math.nan, (math.nan, math.nan), "     -"),
        (-0.925, (-1.02, -0.84), "-0.925 [-1.02, -0.84]"),
    ],
)
def test_number_with_its_interval(value: float, bounds: tuple[float, float] | None, text: str) -> None:
    assert format_number(value, 3, bounds) == text


def test_number_with_its_sign() -> None:
    assert format_number(4.346, 2, (-4.0, 13.04), sign="+") == " +4.35 [-4.0, +13.0]"


def test_columns_are_aligned_between_rules() -> None:
    assert ruled([["name", "n"], ["a", "     1"], ["longer", "     2"]], before=(0, 1)).splitlines() == [
        "--------------",
        "name    n",
        "--------------",
        "a            1",
        "longer       2",
        "--------------",
    ]


def test_long_list_of_names_is_shortened() -> None:
    assert named(["a", "b", "c"], 3) == "a, b, c"
    assert named(["a", "b", "c", "d"], 3) == "a, b, c, and 1 more"


def test_count_uses_the_singular_for_one() -> None:
    assert [count(k, "film") for k in (0, 1, 2)] == ["0 films", "1 film", "2 films"]


def test_settings() -> None:
    films = {"007": ("007",), "isbi2015-duplicates": ("278", "294")}
    assert settings_lines(Settings(scheme="isbi19", excluded_films=films, excluded_landmarks=("Go",))) == [
        "protocol     mean; scheme isbi19; spacing each film's own",
        "left out     film 007, isbi2015-duplicates (2 films), landmark Go",
    ]
    assert settings_lines(Settings(protocol="each", scheme="five", spacing_mm=(0.1, 0.2))) == [
        "protocol     each; scheme five; spacing 0.1 x 0.2 mm"
    ]
