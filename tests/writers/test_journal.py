"""What a folder remembers of the films done in it, however a run ends."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.formats.landmark_table import landmarks_csv_text
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import Prediction
from monai_ceph.writers.journal import Journal, film_identity

SETTINGS = {"weights": "abc", "spacing": "0.1 mm"}
LOG = ".landmarks.jsonl"


def film(folder: Path, name: str, content: str = "film") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)
    return folder / name


def prediction(name: str, x: float = 1.0, **extra: np.ndarray) -> Prediction:
    return Prediction(name, ISBI19, np.full((19, 2), x), np.ones(19), (0.1, 0.1), "user", extra)


def add(journal: Journal, path: Path, x: float = 1.0, formats: tuple[str, ...] = ("csv",), **extra: np.ndarray) -> None:
    journal.add(path, film_identity(path), prediction(path.name, x, **extra), formats)


def images(table: Path) -> list[str]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(dict.fromkeys(row["image"] for row in csv.DictReader(file)))


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    return [film(tmp_path / "films", f"{k}.png") for k in "abc"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def reopened(out: Path, **options: object) -> Journal:
    return Journal(out, SETTINGS, **options)  # type: ignore[arg-type]


def test_table_is_the_one_written_at_once_in_the_films_order(films: list[Path], out: Path) -> None:
    journal = reopened(out)
    for path in reversed(films):
        add(journal, path)
    assert journal.write_table(out / "landmarks.csv", films) == 3
    assert (out / "landmarks.csv").read_text() == landmarks_csv_text([prediction(path.name) for path in films])


def test_films_without_an_extra_column_leave_it_empty(films: list[Path], out: Path) -> None:
    journal = reopened(out)
    add(journal, films[0])
    add(journal, films[1], spread_px=np.full(19, 2.0))
    journal.write_table(out / "landmarks.csv", films)
    expected = landmarks_csv_text([prediction("a.png"), prediction("b.png", spread_px=np.full(19, 2.0))])
    assert (out / "landmarks.csv").read_text() == expected


def test_nothing_done_leaves_no_file(films: list[Path], out: Path) -> None:
    journal = reopened(out)
    assert not journal.has(films[0], ())
    assert journal.write_table(out / "landmarks.csv", films) == 0
    journal.close()
    assert list(out.iterdir()) == []


def test_film_done_is_known_to_the_next_run(films: list[Path], out: Path) -> None:
    journal = reopened(out)
    add(journal, films[0], formats=("csv", "markups"))
    journal.close()
    journal = reopened(out)
    assert journal.has(films[0], ("markups",)) and not journal.has(films[1], ())
    assert not journal.has(films[0], ("markups", "overlay")), "in a format that was not written"
    assert not journal.has(films[0], (), [out / "a.png.mrk.json"]), "whose result was deleted since"
    assert not reopened_after(journal, out, fresh=True).has(films[0], ())


def reopened_after(journal: Journal, out: Path, **options: object) -> Journal:
    journal.close()
    return reopened(out, **options)


def test_film_that_was_changed_is_another_film(films: list[Path], out: Path) -> None:
    journal = reopened(out)
    for path in films:
        add(journal, path)
    films[0].write_text("longer")
    os.utime(films[1], ns=(1, 1))
    films[2].unlink()
    assert not any(journal.has(path, ()) for path in films)
    assert journal.write_table(out / "landmarks.csv", films) == 0


def test_of_two_films_with_one_name_the_last_counts(tmp_path: Path, films: list[Path], out: Path) -> None:
    twin = film(tmp_path / "elsewhere", "a.png")
    os.utime(twin, ns=(films[0].stat().st_mtime_ns,) * 2)
    journal = reopened(out)
    add(journal, films[0])
    add(journal, twin, x=2.0)
    assert journal.has(twin, ()) and not journal.has(films[0], ())
    assert reopened_after(journal, out).has(twin, ())


@pytest.mark.parametrize("cut", [1, 30, 300])
def test_line_without_its_end_is_done_again(films: list[Path], out: Path, cut: int) -> None:
    journal = reopened(out)
    add(journal, films[0])
    whole = (out / LOG).read_bytes()
    add(journal, films[1])
    journal.close()
    os.truncate(out / LOG, (out / LOG).stat().st_size - cut)
    journal = reopened(out)
    assert (out / LOG).read_bytes() == whole
    assert journal.has(films[0], ()) and not journal.has(films[1], ())
    add(journal, films[1])
    assert reopened_after(journal, out).has(films[1], ())


@pytest.mark.parametrize("line", [b"\0\0\0\n", b"5\n", b"{}\n"])
def test_line_that_is_no_film_ends_the_journal(films: list[Path], out: Path, line: bytes) -> None:
    journal = reopened(out)
    add(journal, films[0])
    journal.close()
    whole = (out / LOG).read_bytes()
    (out / LOG).write_bytes(whole + line + whole.splitlines(keepends=True)[1].replace(b"a.png", b"b.png"))
    journal = reopened(out)
    assert journal.has(films[0], ()) and not journal.has(films[1], ()) and (out / LOG).read_bytes() == whole


def test_other_settings_are_not_mixed(films: list[Path], out: Path) -> None:
    journal = reopened(out)
    add(journal, films[0])
    journal.close()
    before = (out / LOG).read_bytes()
    with pytest.raises(ValueError, match=r"other settings \(weights abc then, def now\).*--overwrite") as refused:
        Journal(out, {**SETTINGS, "weights": "def"})
    assert "spacing" not in str(refused.value) and (out / LOG).read_bytes() == before
    fresh = Journal(out, {**SETTINGS, "weights": "def"}, fresh=True)
    assert not fresh.has(films[0], ())
    add(fresh, films[1])
    assert json.loads((out / LOG).read_text().splitlines()[0])["settings"]["weights"] == "def"


def test_settings_without_a_film_are_forgotten(films: list[Path], out: Path) -> None:
    (out / LOG).write_text('{"settings":{"weights":"old"}}\n')
    add(reopened(out), films[0])
    assert json.loads((out / LOG).read_text().splitlines()[0])["settings"] == SETTINGS


def test_what_other_processes_did_is_taken_in(films: list[Path], out: Path) -> None:
    first, second = reopened(out), reopened(out, rank=1)
    add(first, films[0])
    add(second, films[1])
    assert not first.has(films[1], ())
    second.close()
    first.gather()
    assert first.has(films[1], ()) and first.write_table(out / "landmarks.csv", films) == 2
    assert [path.name for path in out.glob(".*")] == [LOG]
    assert images(out / "landmarks.csv") == ["a.png", "b.png"]


def test_what_killed_processes_did_is_taken_in(films: list[Path], out: Path) -> None:
    """The first one was killed before it had done a film: there is no main journal."""
    for rank, path in ((1, films[1]), (2, films[2])):
        journal = reopened(out, rank=rank)
        add(journal, path)
        journal.close()
    with (out / ".landmarks.2.jsonl").open("ab") as file:
        file.write(b'{"image":"a.p')
    with pytest.raises(ValueError, match="other settings"):
        Journal(out, {"weights": "def"})
    journal = reopened(out)
    assert [journal.has(path, ()) for path in films] == [False, True, True]
    assert [path.name for path in out.glob(".*")] == [LOG]


def test_full_disk_keeps_what_is_there(films: list[Path], out: Path) -> None:
    """A limit on the size of files stands in for the disk: a write is cut short, then refused."""
    pytest.importorskip("resource")
    code = """
import resource, sys
from pathlib import Path
from tests.writers.test_journal import SETTINGS, Journal, add
out, a, b = map(Path, sys.argv[1:])
journal = Journal(out, SETTINGS)
add(journal, a)
size = (out / ".landmarks.jsonl").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, size + 100))
try:
    add(journal, b)
except OSError as error:
    print(error)
assert (out / ".landmarks.jsonl").stat().st_size == size
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, (out, *films[:2]))],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert ran.returncode == 0, ran.stderr
    assert "Cannot write" in ran.stdout and "on a disk with space left" in ran.stdout
    journal = reopened(out)
    assert journal.has(films[0], ()) and not journal.has(films[1], ())


def test_two_processes_do_not_write_to_one_folder(films: list[Path], out: Path) -> None:
    pytest.importorskip("fcntl")
    journal = reopened(out)
    add(journal, films[0])
    before = (out / LOG).read_bytes()
    with pytest.raises(OSError, match=r"Another process is writing to '.*out'; wait until it is done"):
        reopened(out)
    assert (out / LOG).read_bytes() == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_journal_that_cannot_be_written(films: list[Path], out: Path) -> None:
    journal = reopened(out)
    add(journal, films[0])
    journal.close()
    (out / LOG).chmod(0o400)
    with pytest.raises(OSError, match=r"Cannot write '.*landmarks\.jsonl' \(Permission denied\)"):
        reopened(out)
