from __future__ import annotations

from pathlib import Path

import torch
from ignite.engine import Engine
from monai.handlers import CheckpointSaver

from monai_ceph.training import last_checkpoint


def _save(folder: Path, *epochs: int, prefix: str = "last") -> None:
    for epoch in epochs:
        torch.save({"weight": torch.zeros(3)}, folder / f"{prefix}_checkpoint_epoch={epoch}.pt")


def test_newest_is_by_number_not_by_name(tmp_path: Path) -> None:
    _save(tmp_path, 5, 25, 100, 9)
    assert last_checkpoint(tmp_path, "last") == str(tmp_path / "last_checkpoint_epoch=100.pt")


def test_none_where_a_run_has_not_begun(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path, "last") is None
    assert last_checkpoint(tmp_path / "none", "last") is None


def test_other_files_and_other_prefixes_are_passed_over(tmp_path: Path) -> None:
    _save(tmp_path, 3, prefix="local")
    _save(tmp_path, 4, prefix="global")
    _save(tmp_path, 8, prefix="my_local")
    for name in ("local_final_iteration=9.pt", "local_checkpoint_epoch=x.pt", "local_checkpoint_epoch=9.pt.tmp"):
        torch.save({}, tmp_path / name)
    assert last_checkpoint(str(tmp_path), "local") == str(tmp_path / "local_checkpoint_epoch=3.pt")
    assert last_checkpoint(tmp_path, "lo.al") is None


def test_half_written_checkpoint_is_passed_over(tmp_path: Path) -> None:
    _save(tmp_path, 1, 2)
    newest = tmp_path / "last_checkpoint_epoch=2.pt"
    for length in (0, 10, newest.stat().st_size // 2):
        newest.write_bytes(newest.read_bytes()[:length])
        assert last_checkpoint(tmp_path, "last") == str(tmp_path / "last_checkpoint_epoch=1.pt")
        _save(tmp_path, 2)


def test_folder_whose_name_is_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "run [a] *"
    folder.mkdir()
    _save(folder, 7)
    assert last_checkpoint(folder, "last") == str(folder / "last_checkpoint_epoch=7.pt")


def test_finds_what_monai_s_saver_writes(tmp_path: Path) -> None:
    network = torch.nn.Linear(1, 1)
    engine = Engine(lambda engine, batch: None)
    saved = {"network": network, "trainer": engine}
    CheckpointSaver(str(tmp_path), saved, file_prefix="last", save_interval=2, n_saved=1).attach(engine)
    engine.run([0], max_epochs=5)
    assert last_checkpoint(tmp_path, "last") == str(tmp_path / "last_checkpoint_epoch=4.pt")
