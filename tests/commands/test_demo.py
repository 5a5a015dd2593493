"""The demo, shortened until it learns nothing: everything that it promises to leave is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from monai.utils import set_determinism

from monai_ceph.commands.demo import MARK, demo, main


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    set_determinism(None)


def test_demo_leaves_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("demo put here")
    (out / "pictures").mkdir(parents=True)
    (out / "pictures" / "old.png").write_text("of an earlier demo")
    (out / MARK).touch()
    score = demo(out, films=6, unseen=1, global_epochs=1, local_epochs=1)
    assert score.films == ("phantom_000",)
    for name in ("landmarks.csv", "scores.txt", "scores.json", "training/models/model.pt"):
        assert (out / name).is_file(), name
    assert [path.name for path in (out / "pictures").iterdir()] == ["phantom_000.overlay.png"]
    printed = capsys.readouterr().out
    assert (out / "scores.txt").read_text(encoding="utf-8") in printed
    for text in (
        "global stage: epoch   1 of 1",
        "local stage: epoch   1 of 1",
        "landmarks.csv",
        "tensorboard --logdir",
    ):
        assert text in printed


def test_folders_of_others_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "films" / "patient.dcm"
    film.parent.mkdir()
    film.write_text("somebody's only copy")
    assert main(["--output", str(tmp_path)]) == 1
    assert "holds films, which no demo made" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["films"] and film.is_file()


def test_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("taken")
    assert main(["--output", str(tmp_path / "file")]) == 1
    assert "Cannot make the folder" in capsys.readouterr().err
