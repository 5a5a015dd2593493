"""Run the examples of docs/monai_label.md against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import monai_ceph
from monai_ceph.label import APP_FOLDER, MODEL
from monai_ceph.phantoms import write_phantoms
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import Server, running
from tests.tiny_bundle import add_finetuning

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the examples need curl; install it")


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs" / "monai_label.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def blocks(page: str) -> list[str]:
    """The page's ``bash`` blocks."""
    return re.findall(r"```bash\n(.*?)```", page, re.DOTALL)


def about(blocks: list[str], words: str) -> str:
    [block] = [block for block in blocks if words in block]
    return block


@pytest.fixture(scope="module")
def server(label_bundle: Path, shipped_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over ``films``, with another film in ``elsewhere``."""
    here = tmp_path_factory.mktemp("guide")
    for folder, names in {"films": [f"film_{k:02}" for k in range(1, 7)], "elsewhere": ["another"]}.items():
        films = write_phantoms(here / folder, len(names), seed=len(names), size=(323, 400), spacing_mm=SPACING_MM)
        for film, name in zip(films, names, strict=True):
            film.rename(film.with_stem(name))
    bundle = shutil.copytree(label_bundle, here / "quick bundle")
    add_finetuning(shipped_bundle, bundle)
    with running(here / "films", "--bundle", str(bundle), "--spacing", str(SPACING_MM)) as started:
        yield started


def run(server: Server, *blocks: str) -> subprocess.CompletedProcess[str]:
    """Run blocks of the page beside the folder of films, with ``monai-ceph`` and this server's address."""
    ours = f'monai-ceph() {{ "{sys.executable}" -m monai_ceph "$@"; }}\n'
    script = ours + "\n".join(blocks).replace("http://127.0.0.1:8000", server.url)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=server.folder.parent,
        env={**os.environ, "PYTHONPATH": str(Path(monai_ceph.__file__).parents[1])},
        capture_output=True,
        text=True,
    )


def setup_lines(block: str) -> str:
    return "\n".join(line for line in block.splitlines() if re.match(r"[SMC]=", line))


def test_the_examples_over_rest(server: Server, blocks: list[str]) -> None:
    ran = run(server, about(blocks, "/infer/"))
    assert ran.returncode == 0, ran.stderr + ran.stdout + server.log.read_text()[-3000:]
    here = server.folder.parent
    answers = list(json_values(ran.stdout))
    assert answers[0]["models"][MODEL]["type"] == "detection"
    assert answers[1]["id"].startswith("film_")
    assert [len(answer["landmarks"]) for answer in answers[2:4]] == [19, 19]
    final = server.folder / "labels" / "final" / "film_01.mrk.json"
    assert final.read_bytes() == (here / "film_01.mrk.json").read_bytes() == (here / "anna.mrk.json").read_bytes()
    assert (server.folder / "labels" / "annotators" / "anna" / "film_01.mrk.json").exists()
    assert (server.folder / "another.png").read_bytes() == (here / "elsewhere" / "another.png").read_bytes()
    with zipfile.ZipFile(here / "dataset.zip") as archive:
        assert any(name.endswith("film_01.png") for name in archive.namelist())
    state = server.wait_for("batch/infer")
    assert state["status"] == "DONE", state
    assert (server.folder / "labels" / "original" / "film_02.mrk.json").exists()


def json_values(text: str) -> Iterator[dict]:
    """Yield the JSON objects of a text."""
    decoder, at = json.JSONDecoder(), 0
    while (start := text.find("{", at)) >= 0:
        value, at = decoder.raw_decode(text, start)
        yield value


@pytest.fixture(scope="module")
def annotated(server: Server) -> Server:
    """A server where anna has labelled five films and bo two of them."""
    for k in range(1, 6):
        label = server.post(f"/infer/{MODEL}", params={"image": f"film_{k:02}", "output": "image"}).content
        for user in ("bo", "anna")[k > 2 :]:
            assert server.put_label(f"film_{k:02}", label, params=json.dumps({"user": user})).ok
    return server


@pytest.mark.parametrize("words", ["/train/", "/scoring/"])
def test_the_examples_of_training_and_scoring(annotated: Server, blocks: list[str], words: str) -> None:
    ran = run(annotated, setup_lines(about(blocks, "/infer/")), about(blocks, words))
    assert ran.returncode == 0, ran.stderr + ran.stdout + annotated.log.read_text()[-3000:]
    assert list(json_values(ran.stdout))
    if words == "/train/":
        annotated.wait_for("train")


def test_the_example_of_several_annotators(annotated: Server, blocks: list[str]) -> None:
    block = about(blocks, "export --labels")
    # Another page's test covers predict, which needs the shipped weights and films of real size.
    lines = [line for line in block.splitlines() if "predict" not in line and "landmarks.csv" not in line]
    ran = run(annotated, "\n".join(lines))
    assert ran.returncode == 0, ran.stderr
    assert "anna" in ran.stdout and "bo" in ran.stdout


def test_every_block_is_run_by_a_test(blocks: list[str]) -> None:
    assert len(blocks) == len(["/infer/", "/train/", "/scoring/", "export --labels"])


def test_page_lists_exactly_the_servers_strategies(server: Server, page: str) -> None:
    [row] = re.findall(r"^\| `most_uncertain` \| `.*$", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == set(server.get("/info/").json()["strategies"])


def test_commands_and_options_of_the_page_exist(page: str, repository: Path) -> None:
    for target in re.findall(r"\bmake ([a-z-]+)", page):
        assert re.search(rf"^{target}:", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), target
    usage = subprocess.run([sys.executable, "-m", "monai_ceph", "label", "--help"], capture_output=True, text=True)
    for option in set(re.findall(r"monai-ceph label[^`\n]*?(--[a-z]+)", page)):
        assert option in usage.stdout, option


@pytest.mark.parametrize("code", ["SEND_LANDMARKS as s; print(s)", "APP_FOLDER as a; print(a)"])
def test_one_liners_of_the_page_print_existing_paths(page: str, code: str) -> None:
    [one_liner] = re.findall(rf"python -c ['\"](from [\w.]+ import {re.escape(code)})['\"]", page)
    ran = subprocess.run([sys.executable, "-c", one_liner], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert Path(ran.stdout.strip()).exists()
    assert APP_FOLDER.is_dir()
