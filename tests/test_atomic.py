from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from monai_ceph.atomic import atomic_path, durable_path, write_text


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    write_text(tmp_path / "a.csv", "x,y\nµ,1\r\n")
    assert (tmp_path / "a.csv").read_bytes() == "x,y\nµ,1\r\n".encode()


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="half way"), atomic_path(target) as temporary:
        temporary.write_text("new, but not all")
        raise RuntimeError("half way")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_file_appears_only_when_whole(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.png") as temporary:
        temporary.write_text("half")
        assert not (tmp_path / "a.png").exists()
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_others_may_read_the_file_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "atomic", "")
    assert stat.S_IMODE((tmp_path / "atomic").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_missing_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    target = tmp_path / "none" / "a.txt"
    with pytest.raises(OSError, match=r"Cannot write '.*none.a\.txt' \(No such file.*choose a folder that exists"):
        write_text(target, "x")


def test_folder_in_the_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match=r"Cannot write '.*a\.txt'"):
        write_text(tmp_path / "a.txt", "x")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OSError, match=r"Permission denied.*choose a folder"):
            write_text(tmp_path / "a.txt", "x")
    finally:
        tmp_path.chmod(0o700)


def test_durable_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_the_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a" / "b" / "model.pt"
    steps: list[object] = []
    synced: dict[int, Path] = {}
    open_file, fsync, replace = os.open, os.fsync, os.replace

    def note_open(path: Path, *arguments: int) -> int:
        descriptor = open_file(path, *arguments)
        synced[descriptor] = Path(path)
        return descriptor

    def note_fsync(descriptor: int) -> None:
        fsync(descriptor)
        steps.append(synced[descriptor])

    def note_replace(source: Path, destination: Path) -> None:
        replace(source, destination)
        steps.append("renamed")

    monkeypatch.setattr(os, "open", note_open)
    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    with durable_path(target) as temporary:
        temporary.write_bytes(b"weights")
        assert temporary.parent == target.parent and not target.exists()
    monkeypatch.undo()
    # The file, its name, then the names of the folders that were made for it.
    assert steps == [temporary, "renamed", target.parent, target.parent.parent, tmp_path]
    assert target.read_bytes() == b"weights" and not temporary.exists()


def test_durable_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "model.pt"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="half way"), durable_path(target) as temporary:
        temporary.write_bytes(b"new, but not all")
        raise RuntimeError("half way")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("model.pt", b"old")]
