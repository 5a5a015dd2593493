"""The experiment on active learning: its functions against values by hand, and one tiny run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.active_learning import (
    COLUMNS,
    STRATEGIES,
    Experiment,
    Film,
    Plan,
    choose,
    conclusions,
    draw_figure,
    films_needed,
)
from benchmarks.provenance import write_results

TINY = Plan(base=4, pool=(4, 2, 1), unseen=1, rounds=2, a_round=2, repeats=1, start_steps=1, steps=1)


pytestmark = pytest.mark.usefixtures("training_process")


@pytest.mark.slow
def test_every_strategy_labels_films_and_an_interrupted_run_is_continued(tmp_path: Path) -> None:
    experiment = Experiment(tmp_path, TINY)
    for strategy in STRATEGIES:
        rows = experiment.curve(strategy, 0)
        assert [row[2] for row in rows] == [0, 2, 4]
        assert all(sum(row[3:6]) == row[2] for row in rows)
        assert all(float(row[6]) == pytest.approx(np.mean([float(e) for e in row[7:]]), abs=0.002) for row in rows)
        # All strategies share the start model; trained models differ from it.
        assert rows[0][6:] == experiment.curve("random", 0)[0][6:] != rows[1][6:]
    weights = experiment.start.stat().st_mtime_ns
    again = Experiment(tmp_path, TINY)
    assert again.start.stat().st_mtime_ns == weights
    again.base = []  # a training would fail without films
    assert again.curve("most_different", 0) == rows
    with pytest.raises(ValueError, match=r"holds a run of Plan\(base=4, .*choose another folder"):
        Experiment(tmp_path, replace(TINY, rounds=3))


def film(kind: str, feature: float) -> Film:
    return Film(kind, {"image": f"{feature}.png"}, np.array([feature]))


class FakePredictor:
    """A predictor whose confidence is the film's name."""

    def load(self, path: Path) -> float:
        return float(path.stem)

    def predict(self, item: float) -> FakePredictor:
        self.confidence = np.full(19, item)
        return self


def test_strategies_choose_the_expected_films() -> None:
    free = [film("a", value) for value in (0.5, 0.1, 0.9, 0.4)]
    known = [film("a", 0.45)]
    assert choose("most_uncertain", FakePredictor(), free, known, 2, seed=0) == [1, 3]
    assert choose("most_different", FakePredictor(), free, known, 2, seed=0) == [2, 1]
    drawn = [tuple(choose("random", FakePredictor(), free, known, 2, seed)) for seed in range(20)]
    assert len(set(drawn)) > 5 and all(len(set(pair)) == 2 for pair in drawn)


@pytest.mark.parametrize(("reach", "films"), [(5, 0), (4, 2), (3, 4), (2.5, 6), (1, float("inf"))])
def test_films_needed_is_interpolated(reach: float, films: float) -> None:
    assert films_needed([0, 4, 8], [5, 3, 2], reach) == films


def test_conclusions_and_figure_agree_with_the_table(tmp_path: Path) -> None:
    errors = {"random": ([4, 3, 2], [4, 3, 2.2]), "most_uncertain": ([4, 2.1, 1.9], [4, 2.1, 2.0])}
    rows = [
        [strategy, repeat, 4 * k, 4 * k, 0, 0, error, error, error, error]
        for strategy, repeats in errors.items()
        for repeat, curve in enumerate(repeats)
        for k, error in enumerate(curve)
    ]
    table = tmp_path / "table.csv"
    write_results(table, ["how"], COLUMNS, rows)
    assert conclusions(table) == [
        "random: 2.10 mm (2.00 to 2.20) after 8 films; 8.0 films for random's 2.10 mm",
        "most_uncertain: 1.95 mm (1.90 to 2.00) after 8 films; 4.0 films for random's 2.10 mm",
    ]
    draw_figure(table, tmp_path / "figure")
    assert [path.name for path in tmp_path.glob("figure*")] == ["figure.svg"]
    svg = (tmp_path / "figure.svg").read_text()
    assert "most uncertain" in svg and "labelled films" in svg
