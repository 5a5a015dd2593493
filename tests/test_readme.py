"""README and docs: examples run as they stand there, commands can be parsed, links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monai_ceph.cli import build_parser
from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms import write_phantoms

PAGES = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md"),
    *("docs/*.md", "docs/api/*.md", "bundles/*/docs/README.md"),
)
EXECUTED = {
    "README.md": "here",
    "docs/quickstart.md": "here",
    "docs/deployment.md": "tests/export/test_bundle.py",
    "docs/evaluation.md": "here",
    "docs/measurements.md": "tests/analysis/test_page.py",
    "docs/site_calibration.md": "here",
    "docs/report.md": "tests/plots/test_report_page.py",
    "docs/monai_label.md": "tests/label/test_guide.py",
}
"""Pages with examples in Python or for the shell, and the test that executes these."""


@pytest.fixture(scope="module")
def pages(repository: Path) -> dict[str, str]:
    """The text of every page, by its path in the repository."""
    paths = [path for pattern in PAGES for path in sorted(repository.glob(pattern))]
    return {path.relative_to(repository).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def examples(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def commands(page: str) -> list[str]:
    """What follows ``monai-ceph`` on the lines of code blocks, indented or fenced."""
    lines = [line for block in examples(page, r"\w*") for line in block.splitlines()]
    lines += [line.strip() for line in page.splitlines() if line.startswith("    ")]
    found = [re.match(r"(?:\S*/)?monai-ceph (\w.*)|torchrun .* -m monai_ceph (\w.*)", line) for line in lines]
    return [match[1] or match[2] for match in found if match]


def headings(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_python_example_prints_every_landmark(
    pages: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = examples(pages["README.md"], "python")
    [film] = write_phantoms(tmp_path, 1, seed=0, size=(774, 960), spacing_mm=0.25)
    film.rename(tmp_path / "film.png")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[1:]] == list(ISBI19.symbols)
    assert (tmp_path / "film.mrk.json").is_file()


@pytest.mark.slow
def test_the_quickstart_runs_and_explains_every_column(pages: dict[str, str], repository: Path, tmp_path: Path) -> None:
    page = pages["docs/quickstart.md"]
    [example] = examples(page, "python")
    (tmp_path / "example.py").write_text(example)
    script = "\n".join([*examples(page, "bash"), "python example.py"])
    ours = f'python() {{ "{sys.executable}" "$@"; }}\nmonai-ceph() {{ "{sys.executable}" -m monai_ceph "$@"; }}\n'
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", ours + script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "SDR 2 mm (%)" in ran.stdout
    assert "mre_mm" in ran.stdout
    for name in re.findall(r"^\| `([\w.]+\.(?:csv|json|png))` \|", page, re.MULTILINE):
        assert (tmp_path / "out" / name).is_file(), name
    assert (tmp_path / "report.html").is_file()
    rows = page.partition("| column |")[2].partition("\n\n")[0]
    explained = [name for row in rows.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert (tmp_path / "out" / "landmarks.csv").read_text().splitlines()[0].split(",") == explained


def test_the_evaluation_example_gives_scores(
    pages: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [example] = examples(pages["docs/evaluation.md"], "python")
    write_phantoms(tmp_path, 2, seed=0, size=(323, 400), spacing_mm=0.6)
    shutil.copy(tmp_path / "points.csv", tmp_path / "landmarks.csv")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(example, "docs/evaluation.md", "exec"), names)
    assert names["errors_mm"].shape == (2, 19) and names["errors_mm"].max() == 0
    assert len(names["table"]) >= 20


def test_the_site_calibration_example_moves_points_as_the_clinic_marks_them(
    pages: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [example] = examples(pages["docs/site_calibration.md"], "python")
    write_phantoms(tmp_path / "films", 4, seed=0, size=(774, 960), spacing_mm=0.25)
    table = pd.read_csv(tmp_path / "films" / "points.csv").drop(columns=["x_mm", "y_mm"])
    table.loc[table.landmark == "Me", "x_px"] += 16  # 4 mm in front of where the model was taught
    table.to_csv(tmp_path / "clinic.csv", index=False)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(example, "docs/site_calibration.md", "exec"), names)
    moved = names["estimate"].to_frame().set_index("landmark").x_mm
    assert moved["Me"] > 2 > moved["S"]
    assert names["prediction"].site.startswith("site.json ")


def test_every_page_with_examples_is_executed_by_a_test(pages: dict[str, str], repository: Path) -> None:
    with_examples = {name for name, text in pages.items() if examples(text, "python") or examples(text, "bash")}
    assert with_examples == set(EXECUTED)
    for page, test in EXECUTED.items():
        assert test == "here" or page in (repository / test).read_text(encoding="utf-8").replace('" / "', "/")


def test_every_command_on_a_page_can_be_parsed(pages: dict[str, str]) -> None:
    parser = build_parser()
    checked = 0
    for page, text in pages.items():
        for command in commands(text):
            words = re.sub(r"\$\(.*?\)", "film.jpg", command.split("  #")[0])
            try:
                parser.parse_args(shlex.split(words))
            except SystemExit:
                pytest.fail(f"{page}: monai-ceph {command}")
            checked += 1
    assert checked > 20


def test_every_link_leads_to_a_file_and_a_heading(pages: dict[str, str], repository: Path) -> None:
    lost = []
    for page, text in pages.items():
        for link, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", text):
            if "://" in link:
                continue
            target = (repository / page).parent / link if link else repository / page
            if not target.exists():
                lost.append(f"{page}: {link}")
            elif anchor and anchor not in headings(target.read_text(encoding="utf-8")):
                lost.append(f"{page}: {link}#{anchor}")
    assert lost == []


def test_every_make_target_on_a_page_exists(pages: dict[str, str], repository: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for text in pages.values() for name in re.findall(r"(?:`|^ {4})make ([a-z-]+)", text, re.MULTILINE)}
    assert {"install", "demo", "test"} <= named <= targets


def test_every_configuration_on_a_page_exists(pages: dict[str, str], repository: Path) -> None:
    there = {path.name for path in (repository / "bundles").glob("*/configs/*")}
    named = {name for text in pages.values() for name in re.findall(r"\$B/configs/([\w.]+)", text)}
    assert "train.json" in named and named - there == set()
