from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.cli import main
from monai_ceph.commands.evaluate import evaluate
from monai_ceph.landmarks import ISBI19
from monai_ceph.writers import Prediction, write_landmarks_csv, write_markups
from tests.reference.scores import distance, score

FILMS = ("001", "002", "003")
LOST = [math.nan, math.nan]


def _points(seed: int, jitter_px: float = 0.0) -> dict[str, np.ndarray]:
    """The same landmarks for every seed, each jittered on its own; three decimals, as the table keeps."""
    where = np.random.default_rng(0).uniform(100, 1900, (len(FILMS), len(ISBI19), 2))
    noise = np.random.default_rng(seed).normal(0, jitter_px, where.shape) if jitter_px else 0
    return dict(zip(FILMS, np.round(where + noise, 3), strict=True))


def _prediction(film: str, points: np.ndarray) -> Prediction:
    return Prediction(film, ISBI19, points, np.ones(len(ISBI19)), None, "unknown")


def _table(path: Path, points: dict[str, np.ndarray], suffix: str = ".png") -> Path:
    write_landmarks_csv(path, [_prediction(film + suffix, p) for film, p in points.items()])
    return path


def _kaggle(path: Path, points: dict[str, np.ndarray]) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_path", *(f"{k}_{axis}" for k in range(1, len(ISBI19) + 1) for axis in "xy")])
        for film, p in points.items():
            table.writerow([film + ".jpg", *p.ravel()])
    return path


def _expected(predicted: dict[str, np.ndarray], target: dict[str, np.ndarray], mm: float) -> dict[str, float]:
    errors = []
    for film in predicted:
        for p, t in zip(predicted[film], target[film], strict=True):
            error = distance((p[0] * mm, p[1] * mm), (t[0] * mm, t[1] * mm))
            errors.append(None if error is None else round(error, 9))
    return score(errors)


def _flat(figures: dict[str, object]) -> dict[str, float]:
    rates = figures.pop("sdr_percent")
    return figures | {f"sdr {key}": value for key, value in rates.items()}  # type: ignore[attr-defined,return-value]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {
        "predicted": _table(tmp_path / "landmarks.csv", _points(1, 15)),
        "a": _table(tmp_path / "a.csv", _points(2, 10), suffix=".bmp"),
        "b": _kaggle(tmp_path / "b.csv", _points(3, 10)),
        "json": tmp_path / "metrics.json",
        "csv": tmp_path / "errors.csv",
    }


def test_mean_of_two_observers_is_scored_as_by_hand(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(files[k]) for k in ("predicted", "a", "b")]
    assert main(["evaluate", *arguments, "--spacing", "0.1", "--json", str(files["json"])]) == 0
    content = json.loads(files["json"].read_text())
    (comparison,) = content["comparisons"]
    a, b = _points(2, 10), _points(3, 10)
    expected = _expected(_points(1, 15), {film: (a[film] + b[film]) / 2 for film in FILMS}, 0.1)
    assert _flat(comparison["overall"]) == pytest.approx(expected)
    assert comparison["reference"] == f"mean of {files['a']}, {files['b']}"
    assert (content["protocol"], content["spacing_mm"], content["scheme"]) == ("mean", [0.1, 0.1], "isbi19")
    assert list(comparison["per_landmark"]) == list(ISBI19.symbols)
    assert comparison["per_landmark"]["Pog'"]["n"] == 3

    printed = capsys.readouterr().out
    (row,) = [line.split() for line in printed.splitlines() if line.startswith("all ")]
    assert row[1:3] == ["57", "0"]
    keys = ("mre", "sd", "median", "sdr 2", "sdr 2.5", "sdr 3", "sdr 4")
    assert [float(cell) for cell in row[3:]] == pytest.approx([expected[k] for k in keys], abs=0.00501)
    assert [line.split()[0] for line in printed.splitlines() if line.split() and line.split()[0] in ISBI19.symbols] == (
        list(ISBI19.symbols)
    )
    assert str(files["a"]) in printed and str(files["b"]) in printed


def test_each_observer_is_scored_alone(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    comparisons = evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1, protocol="each")
    assert [c.reference for c in comparisons] == [str(files["a"]), str(files["b"])]
    for comparison, seed in zip(comparisons, (2, 3), strict=True):
        expected = _expected(_points(1, 15), _points(seed, 10), 0.1)
        assert comparison.errors_mm.mean() == pytest.approx(expected["mre"])
    assert capsys.readouterr().out.count("landmark ") == 2


def test_each_axis_has_its_own_spacing(files: dict[str, Path]) -> None:
    (comparison,) = evaluate(files["predicted"], [files["a"]], spacing_mm=(0.1, 0.3))
    p, t = _points(1, 15)["001"][0], _points(2, 10)["001"][0]
    assert comparison.errors_mm[0, 0] == pytest.approx(math.hypot((p[0] - t[0]) * 0.1, (p[1] - t[1]) * 0.3))


def test_single_errors_are_written_to_a_table(files: dict[str, Path]) -> None:
    comparisons = evaluate(files["predicted"], [files["a"]], spacing_mm=0.1, csv_file=files["csv"])
    rows = list(csv.DictReader(files["csv"].open(newline="")))
    assert len(rows) == 57
    assert (rows[19]["film"], rows[19]["landmark"], rows[19]["reference"]) == ("002", "S", str(files["a"]))
    assert float(rows[19]["error_mm"]) == pytest.approx(comparisons[0].errors_mm[1, 0], abs=1e-4)


def test_landmark_without_prediction_is_counted_and_named(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    predicted = _points(1, 15)
    predicted["002"][18] = LOST
    _table(files["predicted"], predicted)
    evaluate(files["predicted"], [files["a"]], spacing_mm=0.1, json_file=files["json"], csv_file=files["csv"])
    (comparison,) = json.loads(files["json"].read_text())["comparisons"]
    assert comparison["missing_landmarks"] == ["002: Ar"]
    assert _flat(comparison["overall"]) == pytest.approx(_expected(predicted, _points(2, 10), 0.1))
    assert "1 of 57 annotated landmarks have no prediction (misses for SDR): 002: Ar" in capsys.readouterr().out
    assert [r["landmark"] for r in csv.DictReader(files["csv"].open(newline="")) if not r["error_mm"]] == ["Ar"]


def test_landmark_that_one_observer_left_out_has_no_mean(files: dict[str, Path]) -> None:
    a = _points(2, 10)
    a["003"][0] = LOST
    _table(files["a"], a)
    evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1, json_file=files["json"])
    content = json.loads(files["json"].read_text())
    assert content["comparisons"][0]["overall"]["n"] == 56
    assert content["comparisons"][0]["per_landmark"]["S"]["n"] == 2
    assert any("landmark S has no mean" in remark for remark in content["remarks"])


def test_film_without_reference_is_named_and_not_scored(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a = _points(2, 10)
    del a["003"]
    _table(files["a"], a)
    (comparison,) = evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1)
    assert (comparison.films, comparison.without_reference) == (("001", "002"), ("003",))
    assert "1 predicted films have no reference and are not scored: 003" in capsys.readouterr().out


def test_only_predicted_films_are_scored(files: dict[str, Path]) -> None:
    predicted = _points(1, 15)
    del predicted["001"]
    _table(files["predicted"], predicted)
    (comparison,) = evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1)
    assert comparison.films == ("002", "003")


def test_landmark_that_nobody_annotated_has_no_figures(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a = _points(2, 10)
    for points in a.values():
        points[4] = LOST
    _table(files["a"], a)
    evaluate(files["predicted"], [files["a"]], spacing_mm=0.1, json_file=files["json"])
    figures = json.loads(files["json"].read_text())["comparisons"][0]["per_landmark"]["A"]
    assert (figures["n"], figures["mre"], figures["sdr_percent"]["2"]) == (0, None, None)
    (row,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("A ")]
    assert row == ["A", "0", "0", *"-------"]


def test_markups_in_millimetres_are_a_reference(files: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "markups"
    folder.mkdir()
    for film, points in _points(2, 10).items():
        known = Prediction(film + ".png", ISBI19, points, np.ones(19), (0.127, 0.127), "user")
        write_markups(folder / f"{film}.mrk.json", known)
    (comparison,) = evaluate(files["predicted"], [folder], spacing_mm=0.127)
    expected = _expected(_points(1, 15), _points(2, 10), 0.127)
    assert comparison.errors_mm.mean() == pytest.approx(expected["mre"], abs=1e-3)


def test_dicom_name_without_suffix_stays_whole(tmp_path: Path) -> None:
    points = {f"1.2.840.{k}": p for k, p in enumerate(_points(1, 5).values())}
    predicted = _table(tmp_path / "landmarks.csv", points, suffix="")
    (comparison,) = evaluate(predicted, [_table(tmp_path / "a.csv", points, suffix=".dcm")], spacing_mm=0.1)
    assert comparison.films == ("1.2.840.0", "1.2.840.1", "1.2.840.2")
    assert comparison.errors_mm.max() == 0


def _fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["evaluate", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("monai-ceph evaluate: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "landmarks.csv: there are no such predictions; check the path."),
        ("", "landmarks.csv: the table is empty; expected a header and at least one row."),
        ("image,landmark,x_px,y_px,x_mm,y_mm,confidence\n", "landmarks.csv: the table has a header but no row."),
        ("film,x,y\n001,1,2\n", "landmarks.csv: expected the columns image,landmark,x_px,y_px"),
        ("image,landmark,x_px,y_px\n001.png,Q,1,2\n", "landmarks.csv, line 2: scheme 'isbi19' has no landmark 'Q'"),
        ("image,landmark,x_px,y_px\n001.png,S,one,2\n", "line 2: expected a number of pixels, got 'one'"),
        ("image,landmark,x_px,y_px\n001.png,S,1,2\n001.jpg,S,1,2\n", "are the same film name; rename one."),
        ("image,landmark,x_px,y_px\n999.png,S,1,2\n", "a.csv: none of the 1 predicted films is in this reference"),
    ],
)
def test_predictions_that_cannot_be_scored(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    files["predicted"].unlink()
    if content is not None:
        files["predicted"].write_text(content)
    arguments = [str(files["predicted"]), str(files["a"]), "--spacing", "0.1", "--json", str(files["json"])]
    assert message in _fails(arguments, capsys)
    assert not files["json"].exists()


def test_folder_of_predictions_is_not_a_table(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    error = _fails([str(files["predicted"].parent), str(files["a"]), "--spacing", "0.1"], capsys)
    assert "expected a table of predictions, got a folder; give the landmarks.csv in it." in error


def test_missing_reference_is_named(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    error = _fails([str(files["predicted"]), str(files["a"]), "nowhere.csv", "--spacing", "0.1"], capsys)
    assert "nowhere.csv: there is no such annotation" in error


def test_reference_without_any_landmark_is_named(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _table(files["a"], {film: np.full((19, 2), math.nan) for film in FILMS})
    error = _fails([str(files["predicted"]), str(files["a"]), "--spacing", "0.1"], capsys)
    assert "a.csv: there is no landmark on any of the 3 predicted films." in error


def test_unknown_scheme_is_named(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    error = _fails([str(files["predicted"]), str(files["a"]), "--spacing", "0.1", "--scheme", "isbi20"], capsys)
    assert "Unknown landmark scheme 'isbi20'" in error


def test_figures_that_cannot_be_written(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    target = files["json"].parent / "none" / "metrics.json"
    error = _fails([str(files["predicted"]), str(files["a"]), "--spacing", "0.1", "--json", str(target)], capsys)
    assert "Cannot write" in error and "choose a folder that exists" in error


@pytest.mark.parametrize("spacing", [0, -0.1, math.nan, (0.1, 0)])
def test_impossible_spacing_is_refused_from_python_too(files: dict[str, Path], spacing: float) -> None:
    with pytest.raises(ValueError, match="pixel spacing must be one or two positive numbers in mm"):
        evaluate(files["predicted"], [files["a"]], spacing_mm=spacing)


def test_unknown_protocol_is_refused_from_python_too(files: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="protocol 'mean' or 'each', got 'median'"):
        evaluate(files["predicted"], [files["a"]], spacing_mm=0.1, protocol="median")  # type: ignore[arg-type]


@pytest.mark.real_films
def test_observers_of_the_challenge_differ_as_published(real_films: Path) -> None:
    tables = [real_films / "isbi2015" / f"train_{who}.csv" for who in ("senior", "junior")]
    (comparison,) = evaluate(tables[0], [tables[1]], spacing_mm=0.1)
    assert comparison.errors_mm.shape == (150, 19)
    assert comparison.errors_mm.mean() == pytest.approx(2.35, abs=0.01)
