from __future__ import annotations

import csv
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import monai_ceph
from monai_ceph.analysis import MEASUREMENTS
from monai_ceph.cli import main
from monai_ceph.evaluation import evaluate
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.formats.markups import write_markups
from monai_ceph.landmarks import ISBI19
from monai_ceph.metrics import intervals
from monai_ceph.prediction import Prediction
from tests.reference.scores import distance, score

FILMS = ("001", "002", "003")
LOST = [math.nan, math.nan]


def _points(seed: int, jitter_px: float = 0.0) -> dict[str, np.ndarray]:
    """Return the same landmarks for every seed with independent noise, rounded to the table's three decimals."""
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


def run(predictions: Path, references: list[Path], *options: object) -> None:
    """Run the command on films of 0.1 mm pixels."""
    assert main(["evaluate", *map(str, (predictions, *references, "--spacing", 0.1, *options))]) == 0


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


def _rows(printed: str, name: str) -> list[list[str]]:
    """Return the cells of the table rows of that name, without intervals."""
    lines = [line for line in printed.splitlines() if line.startswith(name + " ")]
    return [re.sub(r" \[.*?\]", "", line).split() for line in lines]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {
        "predicted": _table(tmp_path / "landmarks.csv", _points(1, 15)),
        "a": _table(tmp_path / "a.csv", _points(2, 10), suffix=".bmp"),
        "b": _kaggle(tmp_path / "b.csv", _points(3, 10)),
        "json": tmp_path / "metrics.json",
        "csv": tmp_path / "errors.csv",
    }


def test_scores_against_the_mean_match_those_computed_by_hand(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
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
    row, _ = _rows(printed, "all")  # the second row compares the two observers
    assert row[1:3] == ["57", "0"]
    keys = ("mre", "sd", "median", "sdr 2", "sdr 2.5", "sdr 3", "sdr 4")
    assert [float(cell) for cell in row[3:]] == pytest.approx([expected[k] for k in keys], abs=0.00501)
    assert [line.split()[0] for line in printed.splitlines() if line.split() and line.split()[0] in ISBI19.symbols] == (
        list(ISBI19.symbols) * 2
    )
    assert str(files["a"]) in printed and str(files["b"]) in printed


def test_protocol_each_scores_against_every_observer(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run(files["predicted"], [files["a"], files["b"]], "--protocol", "each")
    comparisons = evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1, protocol="each").scores
    assert [c.reference for c in comparisons] == [str(files["a"]), str(files["b"])]
    for comparison, seed in zip(comparisons, (2, 3), strict=True):
        expected = _expected(_points(1, 15), _points(seed, 10), 0.1)
        assert comparison.errors_mm.mean() == pytest.approx(expected["mre"])
    assert capsys.readouterr().out.count("landmark ") == 3


@pytest.mark.parametrize("name", ["b", "path"])
def test_protocol_can_name_one_observer(files: dict[str, Path], name: str) -> None:
    protocol = str(files["b"]) if name == "path" else name
    evaluation = evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1, protocol=protocol)
    assert [c.reference for c in evaluation.scores] == [str(files["b"])]
    expected = _expected(_points(1, 15), _points(3, 10), 0.1)
    assert evaluation.scores[0].errors_mm.mean() == pytest.approx(expected["mre"])
    assert len(evaluation.observers) == 1


def test_observers_with_the_same_name_are_chosen_by_path(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    again = _table(tmp_path / "other" / "a.csv", _points(3, 10))
    with pytest.raises(ValueError, match="got 'a', the name of 2 of them; give the path of one"):
        evaluate(files["predicted"], [files["a"], again], spacing_mm=0.1, protocol="a")
    evaluation = evaluate(files["predicted"], [files["a"], again], spacing_mm=0.1, protocol=str(again))
    assert [c.reference for c in evaluation.scores] == [str(again)]


def test_observers_are_scored_against_each_other(files: dict[str, Path]) -> None:
    a, b, c = _points(2, 10), _points(3, 10), _points(4, 10)
    a["001"][0] = LOST
    b["002"][1] = LOST
    del c["003"]
    _table(files["a"], a)
    _table(files["b"], b)
    third = _table(files["a"].with_name("c.csv"), c)
    arguments = [str(files[k]) for k in ("predicted", "a", "b")]
    assert main(["evaluate", *arguments, str(third), "--spacing", "0.1", "--json", str(files["json"])]) == 0
    pairs = json.loads(files["json"].read_text())["observers"]
    names = [str(files["a"]), str(files["b"]), str(third)]
    assert [(p["reference"], p["compared"]) for p in pairs] == [
        (names[0], names[1]), (names[0], names[2]), (names[1], names[2]),
    ]  # fmt: skip
    # A landmark that one of them left out is unknown rather than missing.
    for film, points in a.items():
        points[np.isnan(b[film])] = math.nan
    b["001"][0] = a["001"][0] = LOST
    assert _flat(pairs[0]["overall"]) == pytest.approx(_expected(b, a, 0.1))
    assert (pairs[0]["overall"]["n"], pairs[0]["overall"]["missing"]) == (55, 0)
    assert pairs[1]["films"] == ["001", "002"]


def test_observers_without_common_landmarks_are_not_scored(files: dict[str, Path]) -> None:
    a, b = _points(2, 10), _points(3, 10)
    for film in FILMS:
        a[film][10:] = math.nan
        b[film][:10] = math.nan
    _table(files["a"], a)
    _table(files["b"], b)
    assert evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1, protocol="each").observers == ()


def test_films_and_landmarks_are_left_out(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(files[k]) for k in ("predicted", "a", "b")]
    options = ["--exclude", "folder/002.jpg", "--exclude-landmark", "Go", "--exclude-landmark", "S"]
    assert main(["evaluate", *arguments, "--spacing", "0.1", *options, "--json", str(files["json"])]) == 0
    content = json.loads(files["json"].read_text())
    kept = [k for k, symbol in enumerate(ISBI19.symbols) if symbol not in ("Go", "S")]
    a, b, found = ({f: p[kept] for f, p in _points(*x).items() if f != "002"} for x in ((2, 10), (3, 10), (1, 15)))
    expected = _expected(found, {film: (a[film] + b[film]) / 2 for film in found}, 0.1)
    assert _flat(content["comparisons"][0]["overall"]) == pytest.approx(expected)
    assert _flat(content["observers"][0]["overall"]) == pytest.approx(_expected(b, a, 0.1))
    assert list(content["comparisons"][0]["per_landmark"]) == [ISBI19.symbols[k] for k in kept]
    assert (content["excluded_films"], content["excluded_landmarks"]) == ({"002": ["002"]}, ["Go", "S"])
    assert "left out     film 002, landmark Go, landmark S\n" in capsys.readouterr().out


@pytest.fixture
def challenge(tmp_path: Path) -> dict[str, Path]:
    """Two observers of four challenge films; 278 is a duplicate of 159, and 159, 278 and 300 are predicted."""
    where = np.random.default_rng(0).uniform(100, 1900, (19, 2))

    def some(seed: int, films: tuple[str, ...]) -> dict[str, np.ndarray]:
        noise = np.random.default_rng(seed).normal(0, 10, (len(films), 19, 2))
        return dict(zip(films, np.round(where + noise), strict=True))

    everything = ("028", "159", "278", "300")
    return {
        "predicted": _table(tmp_path / "p.csv", some(1, everything[1:])),
        "a": _table(tmp_path / "a.csv", some(2, everything)),
        "b": _table(tmp_path / "b.csv", some(3, everything)),
        "json": tmp_path / "e.json",
    }


@pytest.mark.parametrize("protocol", ["mean", "each", "b"])
def test_duplicates_of_the_challenge_are_left_out_and_give_a_retest(challenge: dict[str, Path], protocol: str) -> None:
    arguments = [str(challenge[k]) for k in ("predicted", "a", "b")]
    options = ["--protocol", protocol, "--exclude", "isbi2015-duplicates", "--json", str(challenge["json"])]
    assert main(["evaluate", *arguments, "--spacing", "0.1", *options]) == 0
    content = json.loads(challenge["json"].read_text())
    assert content["excluded_films"] == {"isbi2015-duplicates": ["278"]}
    assert all(comparison["films"] == ["159", "300"] for comparison in content["comparisons"])
    a, b = (read_annotations(challenge[k]).points_px for k in "ab")
    truths = {"a": a, "b": b, "mean": {film: (a[film] + b[film]) / 2 for film in a}}
    for one, name in zip(content["retest"], {"each": "ab"}.get(protocol, [protocol]), strict=True):
        first, again = truths[name]["159"], truths[name]["278"]
        assert (one["compared"], one["films"]) == ("same film again", ["278 = 159"])
        assert _flat(one["overall"]) == pytest.approx(_expected({"": again}, {"": first}, 0.1))


def test_films_with_the_names_of_duplicates_give_no_retest_by_default(challenge: dict[str, Path]) -> None:
    evaluation = evaluate(challenge["predicted"], [challenge["a"]], spacing_mm=0.1)
    assert (evaluation.retest, evaluation.scores[0].films) == ((), ("159", "278", "300"))


def test_unused_list_of_films_gives_a_remark(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run(files["predicted"], [files["a"]], "--exclude", "isbi2015-duplicates")
    evaluation = evaluate(files["predicted"], [files["a"]], spacing_mm=0.1, exclude=["isbi2015-duplicates"])
    assert evaluation.scores[0].films == FILMS
    assert "isbi2015-duplicates: none of its films was predicted, so none was left out." in capsys.readouterr().out


def test_agreement_of_measurements_is_printed_and_written(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "agreement.csv"
    main(["evaluate", str(files["predicted"]), str(files["a"]), "--spacing", "0.1", "--agreement", str(table)])
    assert "success classification rate (same class) (%)" in capsys.readouterr().out
    with table.open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(MEASUREMENTS)


def test_summary_has_a_row_for_every_statistic(files: dict[str, Path]) -> None:
    summary = files["csv"].with_name("summary.csv")
    references = [files["a"], files["b"]]
    run(files["predicted"], references, "--summary", summary)
    evaluation = evaluate(files["predicted"], references, spacing_mm=0.1)
    rows = list(csv.DictReader(summary.open(newline="")))
    assert len(rows) == 2 * 20 * 9
    assert {row["compared"] for row in rows} == {"predictions", str(files["b"])}
    assert {row["protocol"] for row in rows} == {"mean"}
    [mre] = [
        row for row in rows if (row["compared"], row["landmark"], row["figure"]) == ("predictions", "Me", "mre_mm")
    ]
    assert float(mre["value"]) == pytest.approx(evaluation.scores[0].summary["per_landmark"]["Me"]["mre"], abs=1e-4)
    assert float(mre["low"]) < float(mre["value"]) < float(mre["high"])
    assert {row["figure"] for row in rows} == {
        "n", "missing", "mre_mm", "sd_mm", "median_mm",
        "sdr_2mm_percent", "sdr_2.5mm_percent", "sdr_3mm_percent", "sdr_4mm_percent",
    }  # fmt: skip


def test_intervals_are_printed_and_written(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run(files["predicted"], [files["a"]], "--json", files["json"])
    evaluation = evaluate(files["predicted"], [files["a"]], spacing_mm=0.1)
    expected = intervals(evaluation.scores[0].errors_mm, ISBI19.symbols)
    content = json.loads(files["json"].read_text())
    assert content["comparisons"][0]["intervals"]["overall"]["mre"] == list(expected["overall"]["mre"])
    assert content["comparisons"][0]["intervals"]["per_landmark"]["Sn"]["sdr_percent"]["2"] is None  # 0 %
    assert content["interval_method"] == "95 % percentile bootstrap over films, 9999 resamples, seed 0"
    assert content["version"] == monai_ceph.__version__
    low, high = expected["overall"]["mre"]
    assert capsys.readouterr().out.count(f" [{low:.2f}, {high:.2f}]") == 2


def test_without_scipy_statistics_have_no_intervals(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    summary = files["csv"].with_name("summary.csv")
    run(files["predicted"], [files["a"]], "--json", files["json"], "--summary", summary)
    printed = capsys.readouterr().out
    assert "No intervals: they need SciPy, pip install 'monai-ceph[evaluate]'.\n" in printed
    assert "[" not in printed.replace("monai-ceph[", "")
    content = json.loads(files["json"].read_text())
    assert content["comparisons"][0]["intervals"] is content["interval_method"] is None
    assert _flat(content["comparisons"][0]["overall"]) == pytest.approx(_expected(_points(1, 15), _points(2, 10), 0.1))
    assert {row["low"] for row in csv.DictReader(summary.open(newline=""))} == {""}


def test_spacing_may_differ_between_axes(files: dict[str, Path]) -> None:
    (comparison,) = evaluate(files["predicted"], [files["a"]], spacing_mm=(0.1, 0.3)).scores
    p, t = _points(1, 15)["001"][0], _points(2, 10)["001"][0]
    assert comparison.errors_mm[0, 0] == pytest.approx(math.hypot((p[0] - t[0]) * 0.1, (p[1] - t[1]) * 0.3))


def test_error_of_every_landmark_is_written_to_a_table(files: dict[str, Path]) -> None:
    run(files["predicted"], [files["a"]], "--csv", files["csv"])
    comparisons = evaluate(files["predicted"], [files["a"]], spacing_mm=0.1).scores
    rows = list(csv.DictReader(files["csv"].open(newline="")))
    assert len(rows) == 57
    assert (rows[19]["film"], rows[19]["landmark"], rows[19]["reference"]) == ("002", "S", str(files["a"]))
    assert float(rows[19]["error_mm"]) == pytest.approx(comparisons[0].errors_mm[1, 0], abs=1e-4)
    off = (_points(1, 15)["002"][0] - _points(2, 10)["002"][0]) * 0.1
    assert [float(rows[19][name]) for name in ("dx_mm", "dy_mm")] == pytest.approx(off, abs=1e-4)


def test_landmark_without_prediction_is_reported_as_missing(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    predicted = _points(1, 15)
    predicted["002"][18] = LOST
    _table(files["predicted"], predicted)
    run(files["predicted"], [files["a"]], "--json", files["json"], "--csv", files["csv"])
    (comparison,) = json.loads(files["json"].read_text())["comparisons"]
    assert comparison["missing_landmarks"] == ["002: Ar"]
    assert _flat(comparison["overall"]) == pytest.approx(_expected(predicted, _points(2, 10), 0.1))
    assert "1 of 57 annotated landmarks without a prediction (misses for SDR): 002: Ar" in capsys.readouterr().out
    unknown = [row for row in csv.DictReader(files["csv"].open(newline="")) if not row["error_mm"]]
    assert [(row["landmark"], row["dx_mm"], row["dy_mm"]) for row in unknown] == [("Ar", "", "")]


def test_landmark_left_out_by_one_observer_has_no_mean(files: dict[str, Path]) -> None:
    a = _points(2, 10)
    a["003"][0] = LOST
    _table(files["a"], a)
    run(files["predicted"], [files["a"], files["b"]], "--json", files["json"])
    content = json.loads(files["json"].read_text())
    assert content["comparisons"][0]["overall"]["n"] == 56
    assert content["comparisons"][0]["per_landmark"]["S"]["n"] == 2
    assert any("landmark S has no mean" in remark for remark in content["remarks"])


def test_film_without_reference_is_reported_and_not_scored(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a = _points(2, 10)
    del a["003"]
    _table(files["a"], a)
    run(files["predicted"], [files["a"], files["b"]])
    (comparison,) = evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1).scores
    assert (comparison.films, comparison.without_reference) == (("001", "002"), ("003",))
    assert "1 predicted film without a reference, not scored: 003" in capsys.readouterr().out


def test_only_predicted_films_are_scored(files: dict[str, Path]) -> None:
    predicted = _points(1, 15)
    del predicted["001"]
    _table(files["predicted"], predicted)
    (comparison,) = evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1).scores
    assert comparison.films == ("002", "003")


def test_unannotated_landmark_has_no_statistics(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    a = _points(2, 10)
    for points in a.values():
        points[4] = LOST
    _table(files["a"], a)
    run(files["predicted"], [files["a"]], "--json", files["json"])
    figures = json.loads(files["json"].read_text())["comparisons"][0]["per_landmark"]["A"]
    assert (figures["n"], figures["mre"], figures["sdr_percent"]["2"]) == (0, None, None)
    (row,) = _rows(capsys.readouterr().out, "A")
    assert row == ["A", "0", "0", *"-------"]


def test_markups_in_millimetres_can_be_a_reference(files: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "markups"
    folder.mkdir()
    for film, points in _points(2, 10).items():
        known = Prediction(film + ".png", ISBI19, points, np.ones(19), (0.127, 0.127), "user")
        write_markups(folder / f"{film}.mrk.json", known)
    (comparison,) = evaluate(files["predicted"], [folder], spacing_mm=0.127).scores
    expected = _expected(_points(1, 15), _points(2, 10), 0.127)
    assert comparison.errors_mm.mean() == pytest.approx(expected["mre"], abs=1e-3)


def test_dicom_uid_as_name_is_not_cut_at_its_last_dot(tmp_path: Path) -> None:
    points = {f"1.2.840.{k}": p for k, p in enumerate(_points(1, 5).values())}
    predicted = _table(tmp_path / "landmarks.csv", points, suffix="")
    (comparison,) = evaluate(predicted, [_table(tmp_path / "a.csv", points, suffix=".dcm")], spacing_mm=0.1).scores
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
        (None, "landmarks.csv: this table of predictions does not exist; check the path."),
        ("", "landmarks.csv: the table is empty; expected a header and at least one row."),
        ("image,landmark,x_px,y_px,x_mm,y_mm,confidence\n", "landmarks.csv: the table has a header but no row."),
        ("film,x,y\n001,1,2\n", "landmarks.csv: expected the columns image,landmark,x_px,y_px"),
        ("image,landmark,x_px,y_px\n001.png,Q,1,2\n", "landmarks.csv, line 2: scheme 'isbi19' has no landmark 'Q'"),
        ("image,landmark,x_px,y_px\n001.png,S,one,2\n", "line 2: expected a number of pixels, got 'one'"),
        ("image,landmark,x_px,y_px\n001.png,S,1,2\n001.jpg,S,1,2\n", "are the same film name; rename one."),
        ("image,landmark,x_px,y_px\n999.png,S,1,2\n", "a.csv: none of the 1 predicted films is in this reference"),
    ],
)
def test_unusable_predictions_are_an_error(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    files["predicted"].unlink()
    if content is not None:
        files["predicted"].write_text(content)
    arguments = [str(files["predicted"]), str(files["a"]), "--spacing", "0.1", "--json", str(files["json"])]
    assert message in _fails(arguments, capsys)
    assert not files["json"].exists()


def test_folder_of_predictions_is_an_error(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    error = _fails([str(files["predicted"].parent), str(files["a"]), "--spacing", "0.1"], capsys)
    assert "expected a table of predictions, got a folder; give the landmarks.csv in it." in error


def test_missing_reference_is_an_error(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    error = _fails([str(files["predicted"]), str(files["a"]), "nowhere.csv", "--spacing", "0.1"], capsys)
    assert "nowhere.csv: there is no such annotation" in error


def test_reference_without_landmarks_is_an_error(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _table(files["a"], {film: np.full((19, 2), math.nan) for film in FILMS})
    error = _fails([str(files["predicted"]), str(files["a"]), "--spacing", "0.1"], capsys)
    assert "a.csv: there is no landmark on any of the 3 predicted films." in error


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        (
            "--exclude",
            "0002",
            "'0002' cannot be left out: expected a predicted film (001, 002, 003) or a list of films",
        ),
        ("--exclude", "isbi-duplicates", "or a list of films (isbi2015-duplicates)."),
        ("--exclude-landmark", "go", "'go' cannot be left out: scheme 'isbi19' has S N Or"),
    ],
)
def test_mistyped_exclusion_is_an_error(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], option: str, name: str, message: str
) -> None:
    error = _fails([str(files["predicted"]), str(files["a"]), "--spacing", "0.1", option, name], capsys)
    assert message in error


def test_leaving_everything_out_is_an_error(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    options = [text for film in FILMS for text in ("--exclude", film)]
    error = _fails([str(files["predicted"]), str(files["a"]), "--spacing", "0.1", *options], capsys)
    assert "All 3 predicted films are left out; none is left to score." in error
    options = [text for symbol in ISBI19.symbols for text in ("--exclude-landmark", symbol)]
    error = _fails([str(files["predicted"]), str(files["a"]), "--spacing", "0.1", *options], capsys)
    assert "All landmarks of scheme 'isbi19' are left out; none is left to score." in error


def test_unknown_scheme_is_an_error(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    error = _fails([str(files["predicted"]), str(files["a"]), "--spacing", "0.1", "--scheme", "isbi20"], capsys)
    assert "Unknown landmark scheme 'isbi20'" in error


def test_unwritable_output_is_an_error(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    target = files["json"].parent / "none" / "metrics.json"
    error = _fails([str(files["predicted"]), str(files["a"]), "--spacing", "0.1", "--json", str(target)], capsys)
    assert "Cannot write" in error and "choose a folder that exists" in error


@pytest.mark.parametrize("spacing", [0, -0.1, math.nan, (0.1, 0)])
def test_invalid_spacing_is_an_error_in_python(files: dict[str, Path], spacing: float) -> None:
    with pytest.raises(ValueError, match="pixel spacing must be one or two positive numbers in mm"):
        evaluate(files["predicted"], [files["a"]], spacing_mm=spacing)


def test_unknown_protocol_is_an_error_in_python(files: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="protocol 'mean', 'each', or one of the observers a, b, got 'median'"):
        evaluate(files["predicted"], [files["a"], files["b"]], spacing_mm=0.1, protocol="median")


@pytest.mark.real_films
def test_disagreement_of_the_challenge_observers_is_as_published(real_films: Path) -> None:
    tables = [real_films / "isbi2015" / f"train_{who}.csv" for who in ("senior", "junior")]
    (comparison,) = evaluate(tables[0], [tables[1]], spacing_mm=0.1).scores
    assert comparison.errors_mm.shape == (150, 19)
    assert comparison.errors_mm.mean() == pytest.approx(2.35, abs=0.01)


def test_report_and_plots_are_written(files: dict[str, Path], tmp_path: Path) -> None:
    arguments = [str(files[k]) for k in ("predicted", "a", "b")]
    html, figures = tmp_path / "report.html", tmp_path / "new" / "figures"
    options = ["--html", str(html), "--figures", str(figures)]
    assert main(["evaluate", *arguments, "--spacing", "0.1", *options]) == 0
    names = ("detection_curve", "error_box_plot", "error_ellipses", "site_offset")
    assert sorted(path.name for path in figures.iterdir()) == sorted(n + s for n in names for s in (".svg", ".png"))
    page = html.read_text(encoding="utf-8")
    assert page.count("<svg") == page.count("<figcaption") == len(names)
    assert (figures / "error_box_plot.svg").read_text(encoding="utf-8") in page


def test_missing_matplotlib_is_reported_in_one_line(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    arguments = [str(files[k]) for k in ("predicted", "a")]
    assert main(["evaluate", *arguments, "--spacing", "0.1", "--figures", str(files["json"].parent)]) == 1
    assert "Plots need matplotlib" in capsys.readouterr().err
