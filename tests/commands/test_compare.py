from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.cli import main
from monai_ceph.evaluation import compare
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.landmarks import ISBI19
from monai_ceph.metrics.paired import paired_differences
from monai_ceph.prediction import Prediction

pytest.importorskip("scipy")
FILMS = tuple(f"{film:03d}" for film in range(1, 13))


def _points(seed: int, jitter_px: float) -> dict[str, np.ndarray]:
    where = np.random.default_rng(0).uniform(100, 1900, (len(FILMS), len(ISBI19), 2))
    noise = np.random.default_rng(seed).normal(0, jitter_px, where.shape)
    return dict(zip(FILMS, np.round(where + noise, 3), strict=True))


def _table(path: Path, points: dict[str, np.ndarray]) -> Path:
    rows = [Prediction(f"{film}.png", ISBI19, p, np.ones(19), None, "unknown") for film, p in points.items()]
    write_landmarks_csv(path, rows)
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    tables = {"a": _points(1, 20), "b": _points(2, 12), "truth": _points(3, 5), "other": _points(4, 5)}
    return {name: _table(tmp_path / f"{name}.csv", points) for name, points in tables.items()}


def _errors(points: dict[str, np.ndarray], truth: dict[str, np.ndarray], films: tuple[str, ...]) -> np.ndarray:
    errors = np.stack([np.linalg.norm((points[f] - truth[f]) * 0.1, axis=-1) for f in films])
    return np.where(np.isnan(errors), np.inf, errors)


def test_difference_of_two_tables_is_printed_and_written(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = _points(1, 20), _points(2, 12)
    del a["003"], b["004"]
    a["001"][3] = b["002"][4] = math.nan
    _table(files["a"], a)
    _table(files["b"], b)
    arguments = [str(files[name]) for name in ("a", "b", "truth", "other")]
    target = tmp_path / "c.json"
    options = ["--spacing", "0.1", "--exclude", "005", "--exclude-landmark", "Ar", "--json", str(target)]
    assert main(["compare", *arguments, *options]) == 0
    films = tuple(film for film in FILMS if film not in ("003", "004", "005"))
    truths = _points(3, 5), _points(4, 5)
    truth = {film: (truths[0][film] + truths[1][film]) / 2 for film in films}
    expected = paired_differences(*(_errors(some, truth, films)[:, :18] for some in (a, b)), ISBI19.symbols[:18])

    content = json.loads(target.read_text())
    (comparison,) = content["comparisons"]
    assert comparison["films"] == list(films)
    mre = comparison["overall"]["mre"]
    assert [mre["a"], mre["b"], *mre["bounds"], mre["p"]] == pytest.approx(
        [expected.overall.mre.a, expected.overall.mre.b, *expected.overall.mre.bounds, expected.overall.mre.p]
    )
    assert list(comparison["per_landmark"]) == list(ISBI19.symbols[:18])
    assert comparison["found"] == {"both": 160, "only_a": 1, "only_b": 1, "neither": 0}
    assert content["excluded_films"] == {"005": ["005"]} and content["excluded_landmarks"] == ["Ar"]

    printed = capsys.readouterr().out
    assert f"{files['a']}: 1 film only in this table, left out: 004." in printed
    assert f"{files['b']}: 1 film only in this table, left out: 003." in printed
    assert (
        "MRE of the 160 landmarks that both found, SDR of the 162 annotated; found by A alone 1, by B alone 1"
        in printed
    )
    assert "p adjusted by Holm's method for 18 comparisons" in printed
    low, high = expected.overall.mre.bounds
    (row,) = re.findall(r"^MRE \(mm\) .*$", printed, re.M)
    assert f"{expected.overall.mre.difference:+.3f} [{low:+.2f}, {high:+.2f}]" in row


def test_protocol_each_compares_against_every_observer(files: dict[str, Path]) -> None:
    references = [files["truth"], files["other"]]
    paired = compare(files["a"], files["b"], references, spacing_mm=0.1, protocol="each")
    assert list(paired.differences) == [str(path) for path in references]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "none", "truth"], "none.csv: this table of predictions does not exist; check the path."),
        (["a", "elsewhere", "truth"], "have no film in common (001, 002, 003, and 9 more; x)"),
        (["a", "b", "elsewhere"], "none of the 12 predicted films is in this reference"),
    ],
)
def test_unusable_tables_are_an_error(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    _table(tmp_path / "elsewhere.csv", {"x": np.zeros((19, 2))})
    paths = [str(tmp_path / f"{name}.csv") for name in arguments]
    assert main(["compare", *paths, "--spacing", "0.1"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("monai-ceph compare: error: ") and message in error and error.count("\n") == 1


@pytest.mark.parametrize("command", ["compare", "evaluate"])
def test_reference_given_twice_is_an_error(
    files: dict[str, Path], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = [str(files[name]) for name in (("a", "b") if command == "compare" else ("a",))]
    assert main([command, *tables, *[str(files["truth"])] * 2, "--spacing", "0.1"]) == 1
    assert f"{files['truth']}: this reference is given twice; give each observer once." in capsys.readouterr().err
