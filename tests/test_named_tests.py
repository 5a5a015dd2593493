"""Documents name the test that holds each of their lines: it must be there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["inputs.md", "reliability.md"])
def test_named_tests_are_there(name: str) -> None:
    text = (REPOSITORY / "docs" / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text))
    assert len(named) > 10
    for path in {path for path, _ in named}:
        tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        missing = {test for file, test in named if file == path} - functions
        assert not missing, f"{path} has no {sorted(missing)}"


@pytest.mark.parametrize("name", ["inputs.md", "reliability.md"])
def test_every_line_of_their_tables_names_a_test(name: str) -> None:
    text = (REPOSITORY / "docs" / name).read_text(encoding="utf-8")
    written = re.sub(r"<!-- table .*?<!-- end of table", "", text, flags=re.DOTALL)  # without tables of results
    for line in written.splitlines():
        if line.startswith("| ") and not line.endswith("| held by |"):
            assert re.search(r"\| `tests/[\w/]+\.py::\w+` \|$", line), line
