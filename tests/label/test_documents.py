"""The server's own pages, without any other host."""

from __future__ import annotations

import re

import pytest

from tests.label.conftest import Server


@pytest.mark.parametrize("path", ["/", "/docs", "/logs/", "/logs?refresh=5"])
def test_page_loads_nothing_from_elsewhere(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert re.findall(r"https?://|<script|src=|@import", answer.text.partition("<body>")[0]) == []
    assert "<script" not in answer.text


def test_documentation_lists_every_request(server: Server) -> None:
    text = server.get("/docs").text
    for path in server.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in text
    assert "force" in text


def test_log_is_shown_as_text_and_as_a_page(server: Server) -> None:
    server.get("/datastore/image/info?image=<b>nothing</b>")
    server.post("/infer/cephalometric_landmarks?image=<i>nothing</i>")
    text = server.get("/logs/?text=true")
    assert text.headers["content-type"].startswith("text/plain") and "<i>nothing</i>" in text.text
    page = server.get("/logs/").text
    assert "<i>nothing" not in page and "&lt;i&gt;nothing" in page
    assert len(server.get("/logs/?text=true&lines=2").text.splitlines()) == 2
