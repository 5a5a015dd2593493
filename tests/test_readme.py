"""What the README shows is run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms import write_phantoms


def test_the_python_example_prints_every_landmark_and_writes_markups(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", (repository / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    [film] = write_phantoms(tmp_path, 1, seed=0, size=(774, 960), spacing_mm=0.25)
    film.rename(tmp_path / "film.png")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[1:]] == list(ISBI19.symbols)
    assert (tmp_path / "film.mrk.json").is_file()


@pytest.mark.parametrize("page", ["README.md", "bundles/cephalometric_landmarks/docs/README.md"])
def test_every_file_a_page_links_to_is_there(repository: Path, page: str) -> None:
    text = (repository / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not ((repository / page).parent / link).exists()] == []
    assert page != "README.md" or len(links) > 5


@pytest.mark.parametrize("command", ["make demo", "make test", "make install"])
def test_the_make_targets_that_the_readme_names_exist(repository: Path, command: str) -> None:
    assert command in (repository / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^{command.split()[1]}:", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
