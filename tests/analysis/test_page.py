"""docs/measurements.md lists what the package measures, and its examples run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from monai_ceph.analysis import MEASUREMENTS
from monai_ceph.formats.measurement_table import MEASUREMENT_COLUMNS


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs" / "measurements.md").read_text(encoding="utf-8")


def test_every_measurement_is_listed_with_its_definition_norm_and_source(page: str, repository: Path) -> None:
    # From the data file itself, not through the code that makes the page.
    content = json.loads((repository / "monai_ceph" / "analysis" / "measurements.json").read_text(encoding="utf-8"))
    sections = dict(re.findall(r"^### (.*?)\n\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL))
    for entry in content:
        section = sections[entry["analysis"]]
        [row] = [line for line in section.splitlines() if line.startswith(f"| {entry['name']} |")]
        points = [symbol for part in entry.get("terms", [entry]) for symbol in part["points"].split()]
        definition = row.split("|")[2]
        assert [symbol for symbol in points if symbol not in re.split(r"[\s()\-,]+", definition)] == [], row
        norm = entry.get("norm")
        if norm is None:
            assert row.split("|")[4].strip() == ""
        else:
            sd = "" if norm["sd"] is None else f" +- {norm['sd']:g}"
            assert f"| {norm['mean']:g}{sd} | {norm['population']}; {norm['source']} |" in row
        assert all(source in section for source in entry["source"].split("; "))
    assert sum(section.count("\n| ") for section in sections.values()) == len(content) == len(MEASUREMENTS)


def test_the_page_explains_every_column(page: str) -> None:
    rows = page.partition("| column |")[2].partition("\n\n")[0]
    explained = [name for row in rows.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert tuple(explained) == MEASUREMENT_COLUMNS


def test_the_examples_define_and_measure(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [own] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mine.json").write_text(own, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/measurements.md", "exec"), names)
    table = names["table"]
    assert table["measurement"].tolist()[len(MEASUREMENTS) :] == ["chin height", "ANB", "chin to lip"]
    assert table["value"].notna().all()
