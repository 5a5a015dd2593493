from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from monai_ceph.writers import atomic_path, write_text


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
