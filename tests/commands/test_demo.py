"""The demo with one epoch per stage: it writes all its files and spares folders of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_ceph.commands.demo import MARK, demo, main

pytestmark = pytest.mark.usefixtures("training_process")


def test_demo_writes_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("demo put here")
    (out / "pictures").mkdir(parents=True)
    (out / "pictures" / "old.png").write_text("of an earlier demo")
    (out / MARK).touch()
    score = demo(out, films=6, unseen=1, epochs=1)
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


def test_folders_that_no_demo_created_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = tmp_path / "films" / "patient.dcm"
    film.parent.mkdir()
    film.write_text("somebody's only copy")
    assert main(["--output", str(tmp_path)]) == 1
    assert "holds films, which no demo created" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["films"] and film.is_file()


def test_file_in_place_of_the_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("taken")
    assert main(["--output", str(tmp_path / "file")]) == 1
    assert "Cannot make the folder" in capsys.readouterr().err
