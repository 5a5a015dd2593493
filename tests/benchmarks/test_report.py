"""The README's table and chart come out of the committed results."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import report

COLUMNS = (
    "model,mre_mm,mre_low,mre_high,sd_mm,sdr_2,sdr_2_low,sdr_2_high,parameters,gflop_per_film,training_minutes,"
    "iterations,films_seen,ms_per_film,ms_per_film_network,peak_memory_mb,dtype,source,remarks"
)
ROWS = (
    "two_stage,1.804,1.6,2.1,1.2,65.14,60.0,70.2,3958120,60.1,8.0,700,2400,251.4,200.0,688.2,bfloat16 autocast,"
    "monai-ceph (this commit),",
    "scn,3.5,3.0,4.2,2.0,0.0,,,6200000,100.0,8.0,60,60,1900.0,1800.0,900.0,float32,landmarker 0.4.1,",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    (tmp_path / "docs" / "images").mkdir(parents=True)
    lines = ["# 2 films; commit abc; command: python -m benchmarks.models", COLUMNS, *ROWS]
    (tmp_path / report.RESULTS).write_text("\n".join(lines) + "\n")
    (tmp_path / "README.md").write_text(f"before\n\n{report.BEGIN}\nold\n{report.END}\n\nafter\n")
    return tmp_path


def test_the_table_is_written_between_the_marks(root: Path) -> None:
    assert report.main([], root) == 0
    text = (root / "README.md").read_text()
    assert text.startswith(f"before\n\n{report.BEGIN}\n") and text.endswith(f"{report.END}\n\nafter\n")
    assert "old" not in text
    assert "| **two stages (this project)** | 1.80 [1.60, 2.10] | 65.1 [60.0, 70.2] | 3.96 | 60.1 | 8.0 | 700 |" in text
    assert "| 3.50 [3.00, 4.20] | 0.0 | 6.20 |" in text  # no interval: none is shown
    assert "2 films; commit abc. Printed by `python -m benchmarks.models`." in text


def test_check_finds_what_is_out_of_date_and_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (root / "README.md").read_text()
    assert report.main(["--check"], root) == 1
    assert (root / "README.md").read_text() == before and not list((root / "docs" / "images").iterdir())
    report.main([], root)
    assert report.main(["--check"], root) == 0
    results = root / report.RESULTS
    results.write_text(results.read_text().replace("scn,3.5", "scn,3.6"))
    capsys.readouterr()
    assert report.main(["--check"], root) == 1
    said = capsys.readouterr().err
    assert "README.md is not what" in said and "accuracy_against_time.svg is not what" in said


def test_a_page_without_the_marks_is_refused(root: Path) -> None:
    for text in ("no marks", report.BEGIN, f"{report.END}{report.BEGIN}", 2 * f"{report.BEGIN}{report.END}"):
        with pytest.raises(ValueError, match="once each, in this order"):
            report.with_section(text, "new")


def test_results_without_their_origin_are_refused(root: Path) -> None:
    (root / report.RESULTS).write_text(COLUMNS + "\n")
    with pytest.raises(ValueError, match=r"that says how the figures were made, got 'model,"):
        report.read_results(root / report.RESULTS)


def test_every_point_of_the_chart_has_its_model_s_name(root: Path) -> None:
    report.main([], root)
    svg = (root / report.CHART).with_suffix(".svg").read_text()
    assert ">two stages<" in svg and ">SCN<" in svg


def test_the_readme_and_the_chart_are_those_of_the_committed_results(repository: Path, tmp_path: Path) -> None:
    if not (repository / report.RESULTS).is_file():
        pytest.skip("no results are committed yet")
    assert report.main(["--check"], repository) == 0
    for name in (report.RESULTS, Path("README.md")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, tmp_path / name)
    (tmp_path / report.CHART).parent.mkdir(parents=True)
    report.main([], tmp_path)
    for name in (Path("README.md"), report.CHART.with_suffix(".svg")):
        assert (tmp_path / name).read_bytes() == (repository / name).read_bytes()
