"""The figures of README, docs and bundle come out of the committed results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.report_results import RESULTS, interval, markdown, read_results
from benchmarks.report_tables import TABLES

MODEL_COLUMNS = (
    "model,mre_mm,mre_low,mre_high,sd_mm,sdr_2,sdr_2_low,sdr_2_high,parameters,gflop_per_film,training_minutes,"
    "iterations,films_seen,ms_per_film,ms_per_film_network,peak_memory_mb,dtype,source,remarks"
)
MODEL_ROWS = (
    "two_stage,1.804,1.6,2.1,1.2,65.14,60.0,70.2,3958120,60.1,8.0,700,2400,251.4,200.0,688.2,bfloat16 autocast,"
    "monai-ceph (this commit),",
    "scn,3.5,3.0,4.2,2.0,0.0,,,6200000,100.0,8.0,60,60,1900.0,1800.0,900.0,float32,landmarker 0.4.1,2 epochs",
)
SHIPPED_COLUMNS = (
    "bundle,films,compared,landmark,n,mre,mre_low,mre_high,sd,sd_low,sd_high,median,median_low,median_high,sdr_2,"
    "sdr_2_low,sdr_2_high,sdr_2.5,sdr_2.5_low,sdr_2.5_high,sdr_3,sdr_3_low,sdr_3_high,sdr_4,sdr_4_low,sdr_4_high"
)
PAGE = """before

<!-- table models, made by benchmarks/report.py -->
old
<!-- end of table models -->

between

<!-- table shipped, made by benchmarks/report.py -->
<!-- end of table shipped -->

after
"""


def shipped_row(bundle: str, compared: str, mre: str) -> str:
    return f"{bundle},isbi2015_validation,{compared},all,475,{mre},0.80,1.00,0.9,,,0.6,,,91.1579,88,93,94,,,96,,,98,,"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with a page, a bundle's metadata and results of two bundles."""
    for folder in (RESULTS, "docs/images", "bundles/first/configs"):
        (tmp_path / folder).mkdir(parents=True)
    models = ["# 2 films; commit abc; command: python -m benchmarks.models", MODEL_COLUMNS, *MODEL_ROWS]
    (tmp_path / RESULTS / "models.csv").write_text("\n".join(models) + "\n")
    shipped = [
        shipped_row(bundle, compared, mre)
        for bundle, mre in (("first", "0.9266"), ("second", "0.8"))
        for compared, mre in (("predictions", mre), ("observers", "2.319"))
    ]
    made = ["# 25 films; commit def; command: python -m benchmarks.shipped", SHIPPED_COLUMNS, *shipped]
    (tmp_path / RESULTS / "shipped.csv").write_text("\n".join(made) + "\n")
    (tmp_path / "README.md").write_text(PAGE)
    (tmp_path / "bundles/first/configs/metadata.json").write_text('{"version": "1", "eval_metrics": {"old": 1}}')
    return tmp_path


def test_tables_are_written_between_their_markers(root: Path) -> None:
    assert report.main([], root) == 0
    text = (root / "README.md").read_text()
    assert text.startswith("before\n\n<!-- table models") and text.endswith("<!-- end of table shipped -->\n\nafter\n")
    assert "old" not in text and "\n\nbetween\n\n" in text
    assert "| **two stages (this project)** | 1.80 [1.60, 2.10] | 65.1 [60.0, 70.2] | 3.96 | 60.1 | 8.0 | 700 |" in text
    assert "| 3.50 [3.00, 4.20] | 0.0 | 6.20 |" in text  # no interval: none is shown
    assert "- SpatialConfiguration-Net, 512 px: 2 epochs\n" in text
    assert "*2 films; commit abc.* *Command:* `python -m benchmarks.models`." in text


def test_a_second_bundle_is_a_second_row_and_observers_are_shown_once(root: Path) -> None:
    report.main([], root)
    rows = [line for line in (root / "README.md").read_text().splitlines() if line.startswith("| ISBI 2015")]
    assert [row.split(" | ")[1:3] for row in rows] == [
        ["first", "0.93 [0.80, 1.00]"],
        ["second", "0.80 [0.80, 1.00]"],
        ["one observer against the other", "2.32 [0.80, 1.00]"],
    ]


def test_a_bundle_s_metadata_hold_its_own_figures(root: Path) -> None:
    report.main([], root)
    assert json.loads((root / "bundles/first/configs/metadata.json").read_text()) == {
        "version": "1",
        "eval_metrics": {"validation_films_MRE_mm": 0.927, "validation_films_SDR_2mm_percent": 91.16},
    }


def test_a_bundle_without_results_is_refused(root: Path) -> None:
    (root / "bundles/first").rename(root / "bundles/third")
    with pytest.raises(ValueError, match=r"Expected rows of bundle 'third' .* got none; run: python -m"):
        report.main(["--check"], root)


def test_check_finds_what_is_out_of_date_and_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (root / "README.md").read_text()
    assert report.main(["--check"], root) == 1
    assert (root / "README.md").read_text() == before and not list((root / "docs" / "images").iterdir())
    report.main([], root)
    assert report.main(["--check"], root) == 0
    results = root / RESULTS / "models.csv"
    results.write_text(results.read_text().replace("scn,3.5", "scn,3.6"))
    capsys.readouterr()
    assert report.main(["--check"], root) == 1
    said = capsys.readouterr().err
    assert "'README.md' is out of date; run: python -m benchmarks.report" in said
    assert "accuracy_against_time.svg' is out of date" in said and "metadata.json" not in said


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("<!-- table shipped, made by benchmarks/report.py -->\n", "got a marker without its partner: '<!-- table shi"),
        ("<!-- end of table shipped -->", "got a marker without its partner: '<!-- end of table shipped"),
        ("<!-- table shiped, made by benchmarks/report.py -->\n<!-- end of table shiped -->", "got 'shiped'"),
    ],
)
def test_markers_that_fit_no_table_are_refused(root: Path, page: str, message: str) -> None:
    (root / "README.md").write_text(page)
    with pytest.raises(ValueError, match=message):
        report.main([], root)


def test_results_without_their_origin_are_refused(root: Path) -> None:
    (root / RESULTS / "models.csv").write_text(MODEL_COLUMNS + "\n")
    with pytest.raises(ValueError, match=r"that says how the figures were made, got 'model,"):
        read_results(root / RESULTS / "models.csv")


def test_a_row_that_a_table_needs_and_the_results_lack_is_named(root: Path) -> None:
    results = read_results(root / RESULTS / "models.csv")
    assert results.row("model", "scn")["mre_mm"] == "3.5"
    with pytest.raises(ValueError, match="Expected one row with model 'unet', got 0"):
        results.row("model", "unet")


def test_a_difference_has_its_sign_and_no_interval_where_there_is_none() -> None:
    row = {"d_mm": "0.0121", "d_low": "-0.02", "d_high": "0.053", "none": ""}
    assert interval("d_mm", 2, "+")(row) == "+0.01 [-0.02, +0.05]"
    assert interval("d_mm", 2, bounds=("none", "none"))(row) == "0.01"
    assert interval("none", 2, bounds=("d_low", "d_high"))(row) == "-"
    assert markdown(("a", "b"), [("1", "2")]) == ["| a | b |", "|---|---|", "| 1 | 2 |"]


def test_every_point_of_the_chart_has_its_model_s_name(root: Path) -> None:
    report.main([], root)
    svg = (root / report.CHART).with_suffix(".svg").read_text()
    assert ">two stages<" in svg and ">SCN<" in svg


def test_the_committed_pages_are_those_of_the_committed_results(repository: Path) -> None:
    assert report.main(["--check"], repository) == 0


def test_every_table_is_on_a_page(repository: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for page in report.PAGES for path in repository.glob(page))
    assert [name for name in TABLES if f"<!-- table {name}, made" not in text] == []


def test_tables_are_made_again_from_an_empty_page(repository: Path, tmp_path: Path) -> None:
    # What is between the markers comes from the results alone.
    for name in ("README.md", RESULTS, "docs/images"):
        copy = shutil.copytree if (repository / name).is_dir() else shutil.copy
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy(repository / name, tmp_path / name)
    page = tmp_path / "README.md"
    page.write_text(report.BLOCK.sub(lambda block: block["begin"] + block["end"], page.read_text(encoding="utf-8")))
    report.main([], tmp_path)
    assert page.read_text(encoding="utf-8") == (repository / "README.md").read_text(encoding="utf-8")
