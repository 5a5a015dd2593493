"""Choice of the next film, with and without records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from monai_ceph.active_learning.next_film import Choice, most_different, most_uncertain
from monai_ceph.active_learning.uncertainty import FilmRecord


def record(uncertainty: float | None, *feature: float, weights: str = "new", error: str = "") -> FilmRecord:
    return FilmRecord(weights, 1, 1, uncertainty, feature, error)


Choose = Callable[[list[str], dict[str, FilmRecord]], Choice | None]

BAD = record(None, error="unreadable")
RECORDS = {"a": record(0.2, 0.0), "b": record(0.7, 1.0), "c": record(0.4, 5.0), "bad": BAD}


def test_film_with_the_highest_uncertainty_is_first() -> None:
    assert most_uncertain(["a", "b", "c"], RECORDS) == Choice("b", 0.7)
    assert most_uncertain(["a", "c"], RECORDS) == Choice("c", 0.4)


def test_expected_errors_rank_films_where_all_have_one() -> None:
    known = {
        film: replace(RECORDS[film], expected_error_mm=mm) for film, mm in zip("abc", (2.0, 1.0, 1.5), strict=True)
    }
    assert most_uncertain(["a", "b", "c", "bad"], {**known, "bad": BAD}) == Choice("a", 2.0, "expected_error_mm")
    # Fine-tuned weights have none: old and new records are compared by what both have.
    mixed = {**known, "new": record(0.5)}
    assert most_uncertain(["a", "c", "new"], mixed) == Choice("new", 0.5, "uncertainty")


def test_ties_are_sorted_by_name() -> None:
    assert most_uncertain(["z", "y"], {"z": record(0.5), "y": record(0.5)}) == Choice("y", 0.5)


def test_record_of_earlier_weights_is_used() -> None:
    assert most_uncertain(["a", "old"], {**RECORDS, "old": record(0.3, weights="old")}) == Choice("old", 0.3)


def test_film_without_uncertainty_comes_before_one_without_a_record() -> None:
    assert most_uncertain(["0", "sure"], {"sure": record(0.0)}) == Choice("sure", 0.0)


def test_most_different_film_is_first() -> None:
    assert most_different(["b", "c"], ["a"], RECORDS) == Choice("c", 5.0, "distance")
    assert most_different(["a", "b"], ["c"], RECORDS) == Choice("a", 5.0, "distance")


def test_most_typical_film_is_first_if_none_is_known() -> None:
    assert most_different(["a", "b", "c"], [], RECORDS) == Choice("b", None, "distance")
    assert most_different(["a", "b", "c"], ["never seen", "bad"], RECORDS) == Choice("b", None, "distance")


@pytest.mark.parametrize("choose", [most_uncertain, lambda films, records: most_different(films, ["a"], records)])
class TestWithoutRecords:
    def test_films_without_a_record_come_later_and_unusable_ones_last(self, choose: Choose) -> None:
        films = ["bad", "x2", "x1", "b"]
        order = []
        while films:
            order.append(choose(films, RECORDS).film)
            films.remove(order[-1])
        assert order == ["b", "x1", "x2", "bad"]

    def test_no_candidates_give_no_choice(self, choose: Choose) -> None:
        assert choose([], RECORDS) is None
