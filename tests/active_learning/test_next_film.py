"""Which film is next: by score where there is one, and in a stated order where there is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monai_ceph.active_learning.film_records import FilmRecord
from monai_ceph.active_learning.next_film import Choice, most_different, most_uncertain


def score(uncertainty: float | None, *feature: float, weights: str = "new", error: str = "") -> FilmRecord:
    return FilmRecord(weights, 1, 1, uncertainty, feature, error)


Choose = Callable[[list[str], dict[str, FilmRecord]], Choice | None]

BAD = score(None, error="unreadable")
SCORES = {"a": score(0.2, 0.0), "b": score(0.7, 1.0), "c": score(0.4, 5.0), "bad": BAD}


def test_least_sure_film_first() -> None:
    assert most_uncertain(["a", "b", "c"], SCORES) == Choice("b", 0.7)
    assert most_uncertain(["a", "c"], SCORES) == Choice("c", 0.4)


def test_equally_unsure_films_go_by_name() -> None:
    assert most_uncertain(["z", "y"], {"z": score(0.5), "y": score(0.5)}) == Choice("y", 0.5)


def test_score_of_earlier_weights_counts_as_it_is() -> None:
    assert most_uncertain(["a", "old"], {**SCORES, "old": score(0.3, weights="old")}) == Choice("old", 0.3)


def test_film_that_the_model_is_sure_of_still_comes_before_one_without_score() -> None:
    assert most_uncertain(["0", "sure"], {"sure": score(0.0)}) == Choice("sure", 0.0)


def test_least_alike_film_first() -> None:
    assert most_different(["b", "c"], ["a"], SCORES) == Choice("c", 5.0)
    assert most_different(["a", "b"], ["c"], SCORES) == Choice("a", 5.0)


def test_most_typical_film_first_where_none_is_known() -> None:
    assert most_different(["a", "b", "c"], [], SCORES) == Choice("b", None)
    assert most_different(["a", "b", "c"], ["never seen", "bad"], SCORES) == Choice("b", None)


@pytest.mark.parametrize("choose", [most_uncertain, lambda films, scores: most_different(films, ["a"], scores)])
class TestWithoutScores:
    def test_unscored_after_scored_by_name_and_unusable_last(self, choose: Choose) -> None:
        films = ["bad", "x2", "x1", "b"]
        order = []
        while films:
            order.append(choose(films, SCORES).film)
            films.remove(order[-1])
        assert order == ["b", "x1", "x2", "bad"]

    def test_no_film_no_choice(self, choose: Choose) -> None:
        assert choose([], SCORES) is None
