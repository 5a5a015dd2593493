"""The server's own pages, without any other host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.label.conftest import Hosted, draw_films, hosted


@pytest.fixture(scope="module")
def server(label_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    with hosted(draw_films(tmp_path_factory.mktemp("documents") / "films", 1), label_bundle) as started:
        started.log.parent.mkdir(exist_ok=True)
        started.log.write_text("first\nlabel of <i>nothing</i>\nlast\n", encoding="utf-8")
        yield started


@pytest.mark.parametrize("path", ["/", "/docs", "/logs/", "/logs?refresh=5"])
def test_page_loads_nothing_from_elsewhere(server: Hosted, path: str) -> None:
    answer = server.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert re.findall(r"https?://|<script|src=|@import", answer.text.partition("<body>")[0]) == []
    assert "<script" not in answer.text


def test_documentation_lists_every_request(server: Hosted) -> None:
    text = server.get("/docs").text
    for path in server.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in text
    assert "force" in text


def test_log_is_shown_as_text_and_as_a_page(server: Hosted) -> None:
    text = server.get("/logs/?text=true")
    assert text.headers["content-type"].startswith("text/plain") and text.text == server.log.read_text()
    page = server.get("/logs/").text
    assert "<i>nothing" not in page and "label of &lt;i&gt;nothing&lt;/i&gt;" in page
    assert server.get("/logs/?text=true&lines=1").text == "last\n"
    assert server.get("/logs/?text=true&lines=0").text == text.text
