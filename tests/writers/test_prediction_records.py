"""What a folder remembers of the films done in it, however a run ends."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_process import FilmCrashError
from monai_ceph.film_records import RecordError, film_identity, write_record
from monai_ceph.formats.landmark_table import landmarks_csv_text
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import Prediction
from monai_ceph.writers.prediction_records import LONGEST_NAME, PredictionRecords

SETTINGS = {"weights": "abc", "spacing": "0.1 mm"}
HOME = Path(".monai_ceph/predict")
ROOT = Path(__file__).parents[2]


def film(folder: Path, name: str, content: str = "film") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)
    return folder / name


def prediction(name: str, x: float = 1.0, **extra: np.ndarray) -> Prediction:
    return Prediction(name, ISBI19, np.full((19, 2), x), np.ones(19), (0.1, 0.1), "user", extra)


def add(
    records: PredictionRecords,
    path: Path,
    x: float = 1.0,
    formats: tuple[str, ...] = ("csv",),
    remarks: tuple[str, ...] = (),
    **extra: np.ndarray,
) -> None:
    records.add(path, film_identity(path), prediction(path.name, x, **extra), formats, remarks)


def images(table: Path) -> list[str]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(dict.fromkeys(row["image"] for row in csv.DictReader(file)))


def content_of(out: Path, name: str) -> dict[str, object]:
    content: dict[str, object] = json.loads((out / HOME / "films" / f"{name}.json").read_text())["content"]
    return content


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    return [film(tmp_path / "films", f"{k}.png") for k in "abc"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def opened(out: Path, **options: object) -> PredictionRecords:
    return PredictionRecords(out, SETTINGS, **options)  # type: ignore[arg-type]


def test_table_is_the_one_written_at_once_in_the_films_order(films: list[Path], out: Path) -> None:
    records = opened(out)
    for path in reversed(films):
        add(records, path)
    assert records.write_table(out / "landmarks.csv", films) == 3
    assert (out / "landmarks.csv").read_text() == landmarks_csv_text([prediction(path.name) for path in films])


def test_films_without_an_extra_column_leave_it_empty(films: list[Path], out: Path) -> None:
    records = opened(out)
    add(records, films[0])
    add(records, films[1], spread_px=np.full(19, 2.0))
    records.write_table(out / "landmarks.csv", films)
    expected = landmarks_csv_text([prediction("a.png"), prediction("b.png", spread_px=np.full(19, 2.0))])
    assert (out / "landmarks.csv").read_text() == expected


def test_points_with_the_largest_expected_errors_are_told(films: list[Path], out: Path) -> None:
    records = opened(out)
    for path, errors in zip(films, (np.linspace(0.1, 1.9, 19), np.full(19, np.nan), np.full(19, 1.85)), strict=True):
        found = replace(prediction(path.name), expected_error_mm=errors, radius90_mm=2 * errors)
        records.add(path, film_identity(path), found, ("csv",))
    assert records.largest_errors(films, 3) == [("a.png", "Ar", 1.9), ("c.png", "S", 1.85), ("c.png", "N", 1.85)]
    add(records, films[0])  # a film without figures
    assert records.largest_errors(films[:2], 3) == []


def test_nothing_done_writes_no_table(films: list[Path], out: Path) -> None:
    records = opened(out)
    assert records.find(films[0], ()) is None
    assert records.write_table(out / "landmarks.csv", films) == 0
    assert [path.name for path in out.iterdir()] == [".monai_ceph"]


def test_film_done_is_known_to_the_next_run_with_its_remarks(films: list[Path], out: Path) -> None:
    records = opened(out)
    add(records, films[0], formats=("csv", "markups"), remarks=("low confidence", "ö: odd"))
    records.close()
    records = opened(out)
    record = records.find(films[0], ("markups",))
    assert record is not None and record.remarks == ["low confidence", "ö: odd"]
    assert records.find(films[1], ()) is None
    assert records.find(films[0], ("markups", "overlay")) is None, "in a format that was not written"
    assert records.find(films[0], (), [out / "a.png.mrk.json"]) is None, "whose result was deleted since"
    records.close()
    assert opened(out, fresh=True).find(films[0], ()) is None


def test_film_that_was_changed_is_predicted_again(films: list[Path], out: Path) -> None:
    records = opened(out)
    for path in films:
        add(records, path)
    films[0].write_text("longer")
    os.utime(films[1], ns=(1, 1))
    films[2].unlink()
    assert not any(records.find(path, ()) for path in films)
    assert records.write_table(out / "landmarks.csv", films) == 0


def test_film_of_the_same_name_from_another_folder_is_refused(tmp_path: Path, films: list[Path], out: Path) -> None:
    twin = film(tmp_path / "elsewhere", "a.png")
    os.utime(twin, ns=(films[0].stat().st_mtime_ns,) * 2)
    records = opened(out)
    add(records, films[0])
    with pytest.raises(FilmError, match=r"has results of another film of this name, '.*films/a\.png'; .*--overwrite"):
        records.find(twin, ())
    assert records.write_table(out / "landmarks.csv", [twin]) == 0
    twin.write_text("another film")
    films[0].unlink()
    with pytest.raises(FilmError, match="another film of this name"):  # the first is on a disk that is away
        records.find(twin, ())
    records.close()
    assert opened(out, fresh=True).find(twin, ()) is None


def test_film_that_was_moved_or_is_reached_by_another_path_is_done(
    tmp_path: Path, films: list[Path], out: Path
) -> None:
    records = opened(out)
    add(records, films[0])
    (tmp_path / "link").symlink_to(tmp_path / "films")
    assert records.find(tmp_path / "link" / "a.png", ())
    (tmp_path / "films").rename(tmp_path / "moved")
    assert records.find(tmp_path / "moved" / "a.png", ())


def test_film_that_crashed_its_reader_is_not_tried_again(films: list[Path], out: Path) -> None:
    records = opened(out)
    for path in films[:2]:
        records.add_crash(path, FilmCrashError(f"{path}: it hangs."))
    records.close()
    records = opened(out)
    with pytest.raises(FilmCrashError, match=r"a\.png: it hangs\. \(It did so before; --overwrite tries it again\.\)"):
        records.find(films[0], ())
    assert records.write_table(out / "landmarks.csv", films) == 0
    films[1].write_text("copied anew")
    assert records.find(films[1], ()) is None and records.find(films[2], ()) is None
    records.close()
    assert opened(out, fresh=True).find(films[0], ()) is None


@pytest.mark.parametrize("name", ["x" * (LONGEST_NAME - 3) + ".png", "ö" * 122 + ".png"])
def test_name_too_long_for_its_results(tmp_path: Path, out: Path, name: str) -> None:
    size = len(name.encode())
    with pytest.raises(FilmError, match=rf"its name has {size} bytes, .*; shorten it to 243 bytes\."):
        opened(out).find(film(tmp_path / "films", name), ())


def test_name_of_the_longest_kind(tmp_path: Path, out: Path) -> None:
    records, path = opened(out), film(tmp_path / "films", "x" * (LONGEST_NAME - 4) + ".png")
    assert records.find(path, ()) is None
    add(records, path)
    (out / f"{path.name}.overlay.png").touch()
    assert records.find(path, ())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_name_that_is_not_utf8(tmp_path: Path, out: Path) -> None:
    path = film(tmp_path / "films", os.fsdecode(b"a\xff.png"))
    with pytest.raises(FilmError, match=r"a\\xff\.png: its name is not UTF-8, .*; rename it\.") as refused:
        opened(out).find(path, ())
    assert str(refused.value).isprintable()


def test_digit_changed_in_a_record_is_noticed(films: list[Path], out: Path) -> None:
    records = opened(out)
    add(records, films[0])
    path = out / HOME / "films" / "a.png.json"
    path.write_text(path.read_text().replace('"1.000"', '"7.000"'))
    with pytest.raises(RecordError, match="is damaged or was edited"):
        records.find(films[0], ())
    assert records.write_table(out / "landmarks.csv", films) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 3},
        {"rows": [["only one cell"]]},
        {"rows": [[1.0] * 8]},
        {"columns": "image"},
        {"remarks": None},
        {"bytes": "4"},
        {"bytes": True},
        {"path": 4},
        {"unknown": 1},
    ],
)
def test_record_of_another_form_is_named(films: list[Path], out: Path, change: dict[str, object]) -> None:
    records = opened(out)
    add(records, films[0])
    write_record(out / HOME / "films" / "a.png.json", {**content_of(out, "a.png"), **change})
    with pytest.raises(RecordError, match=r"The record of 'a\.png' in '.*films' has another form"):
        records.find(films[0], ())


def test_record_that_lacks_a_value_is_named(films: list[Path], out: Path) -> None:
    records = opened(out)
    add(records, films[0])
    write_record(out / HOME / "films" / "a.png.json", {"path": str(films[0])})
    with pytest.raises(RecordError, match="has another form"):
        records.find(films[0], ())


def test_other_settings_are_not_mixed(films: list[Path], out: Path) -> None:
    records = opened(out)
    add(records, films[0])
    records.close()
    before = content_of(out, "a.png")
    with pytest.raises(ValueError, match=r"other settings \(weights abc then, def now\).*--overwrite") as refused:
        PredictionRecords(out, {**SETTINGS, "weights": "def"})
    assert "spacing" not in str(refused.value) and content_of(out, "a.png") == before
    fresh = PredictionRecords(out, {**SETTINGS, "weights": "def"}, fresh=True)
    assert fresh.find(films[0], ()) is None
    add(fresh, films[1])
    fresh.close()
    with pytest.raises(ValueError, match=r"other settings \(weights def then, abc now\)"):
        opened(out)


def test_settings_are_there_before_any_film(out: Path) -> None:
    opened(out)
    assert json.loads((out / HOME / "settings.json").read_text())["content"] == SETTINGS


def test_settings_without_a_film_are_forgotten(out: Path) -> None:
    PredictionRecords(out, {"weights": "old"}).close()
    opened(out)
    assert json.loads((out / HOME / "settings.json").read_text())["content"] == SETTINGS


@pytest.mark.parametrize("content", ["", "[]", '{"sha256": "0", "content": {"weights": "abc"}}'])
def test_damaged_settings_are_named(films: list[Path], out: Path, content: str) -> None:
    records = opened(out)
    add(records, films[0])
    records.close()
    (out / HOME / "settings.json").write_text(content)
    with pytest.raises(ValueError, match=r"The record '.*settings\.json' .*Choose another output folder.*--overwrite"):
        opened(out)
    assert opened(out, fresh=True).find(films[0], ()) is None


def test_process_that_outlives_its_run_mixes_in_nothing(films: list[Path], out: Path) -> None:
    PredictionRecords(out, {"weights": "old"}).close()
    straggler = PredictionRecords(out, {"weights": "old"}, rank=1)
    records = opened(out, fresh=True)
    add(straggler, films[0])
    assert records.find(films[0], ()) is None and records.write_table(out / "landmarks.csv", films) == 0


def test_what_other_processes_did_is_known(films: list[Path], out: Path) -> None:
    first, second = opened(out), opened(out, rank=1)
    add(first, films[0])
    add(second, films[1])
    assert first.find(films[1], ()) and first.write_table(out / "landmarks.csv", films) == 2
    assert images(out / "landmarks.csv") == ["a.png", "b.png"]


def test_full_disk_keeps_what_is_there(films: list[Path], out: Path) -> None:
    """A limit on the size of files stands in for the disk: a write is cut short, then refused."""
    pytest.importorskip("resource")
    code = """
import resource, sys
from pathlib import Path
from tests.writers.test_prediction_records import add, opened
out, a = map(Path, sys.argv[1:])
records = opened(out)
add(records, a)
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
try:
    add(records, a, x=2.0)
except OSError as error:
    print(error)
"""
    command = [sys.executable, "-c", code, str(out), str(films[0])]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert "Cannot write" in ran.stdout and "on a disk with space left" in ran.stdout
    record = opened(out).find(films[0], ())
    assert record is not None and record.rows[0][2] == "1.000"
    assert [path.name for path in (out / HOME / "films").iterdir()] == ["a.png.json"]


def test_two_runs_do_not_write_to_one_folder(films: list[Path], out: Path) -> None:
    records = opened(out)
    for options in ({}, {"fresh": True}):
        with pytest.raises(OSError, match=r"Another process is writing to '.*out'; wait until it is done"):
            opened(out, **options)
    add(records, films[0])
    records.close()
    assert opened(out).find(films[0], ())


def test_of_two_runs_with_other_settings_that_start_at_once_one_is_refused(films: list[Path], out: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from tests.writers.test_prediction_records import PredictionRecords, add
out, film, weights = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
print("ready", flush=True)
sys.stdin.readline()
try:
    records = PredictionRecords(out, {"weights": weights})
    add(records, film)
    print("wrote", weights)
    sys.stdin.readline()  # both are asked before either ends
except (ValueError, OSError) as error:
    print("refused", error)
"""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(out), str(path), weights],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for path, weights in zip(films, ("one", "two"), strict=False)
    ]
    assert all(run.stdout is not None and run.stdout.readline() == "ready\n" for run in runs)
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    said = sorted(run.communicate("end\n", timeout=120)[0].split()[0] for run in runs)
    assert said == ["refused", "wrote"]
    assert len(list((out / HOME / "films").iterdir())) == 1


def test_leftovers_of_killed_runs_are_removed(films: list[Path], out: Path) -> None:
    records = opened(out)
    add(records, films[0])
    records.close()
    temporary = f".{'0123456789abcdef' * 2}"
    left = [out / f"{temporary}.png", out / HOME / f"{temporary}.json", out / HOME / "films" / f"{temporary}.json"]
    kept = [out / ".mine", out / f"{temporary[1:]}.png", out / f"{temporary}.png.json.bak"]
    for path in left + kept:
        path.write_text("half")
    (out / HOME / "forgotten-0").mkdir()
    (out / HOME / "forgotten-0" / "a.png.json").touch()
    assert opened(out).find(films[0], ())
    assert not any(path.exists() for path in left) and all(path.exists() for path in kept)
    assert not (out / HOME / "forgotten-0").exists()


def test_digit_changed_in_the_table_is_noticed_and_the_table_kept(films: list[Path], out: Path) -> None:
    records, table = opened(out), out / "landmarks.csv"
    add(records, films[0])
    records.write_table(table, films)
    assert records.keep_changed_table(table) is None
    written = table.read_text()
    for name in ("landmarks.changed.csv", "landmarks.changed1.csv"):
        table.write_text(edited := written.replace("1.0", "7.0", 1))
        assert records.keep_changed_table(table) == out / name
        assert (out / name).read_text() == edited and not table.exists()
        records.write_table(table, films)
        assert table.read_text() == written


def test_run_that_is_killed_while_it_replaces_the_table_has_changed_nothing(
    films: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, table = opened(out), out / "landmarks.csv"
    add(records, films[0])
    records.write_table(table, films)
    add(records, films[1])

    def killed(*paths: object) -> None:
        raise KeyboardInterrupt

    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: killed() if new == table else replace(old, new))
    with pytest.raises(KeyboardInterrupt):
        records.write_table(table, films)
    assert images(table) == ["a.png"] and records.keep_changed_table(table) is None
    monkeypatch.undo()
    records.write_table(table, films)
    assert images(table) == ["a.png", "b.png"] and records.keep_changed_table(table) is None


def test_table_of_a_folder_without_checksums_is_left_alone(films: list[Path], out: Path) -> None:
    (out / "landmarks.csv").write_text("mine")
    assert opened(out).keep_changed_table(out / "landmarks.csv") is None


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_cannot_be_written(out: Path) -> None:
    opened(out).close()
    (out / HOME / "lock").chmod(0o400)
    with pytest.raises(OSError, match=r"Cannot lock '.*lock' \(Permission denied\)"):
        opened(out)
