"""The loop over many films, with a stand-in for the network: what runs at once, what is kept, what a stop leaves."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from monai_ceph.analysis import MEASUREMENTS
from monai_ceph.batch import result_folder
from monai_ceph.batch.predict import BatchResult, predict_batch
from monai_ceph.batch.result_folder import ResultFolder
from monai_ceph.batch.settings import result_settings
from monai_ceph.data import find_films
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import Prediction

RECORDS = Path(".monai_ceph/predict/films")


class Item(dict):
    """A film that was read: as much memory as a small one."""

    __hash__ = object.__hash__  # for a WeakSet

    def __init__(self, film: Path) -> None:
        super().__init__()
        self.film, self.pixels = film, np.zeros(100_000, np.uint8)


class Stub:
    """Reads nothing and finds each film's own number everywhere."""

    def __init__(
        self,
        on_load: Callable[[Path], Any] = lambda _: None,
        on_predict: Callable[[Path], Any] = lambda _: 0,
        shares_cores: bool = False,
    ):
        self.on_load, self.on_predict, self.shares_cores = on_load, on_predict, shares_cores
        self.low_confidence = 0.5
        self.predicted: list[str] = []
        self.loads = 0

    def __call__(self) -> Stub:
        self.loads += 1
        return self

    def load(self, film: Path) -> Item:
        self.on_load(film)
        return Item(film)

    def film_pixels(self, item: Item) -> None:
        return None

    def predict(self, item: Item) -> Prediction:
        self.predicted.append(item.film.name)
        self.on_predict(item.film)
        points = np.full((19, 2), float("".join(c for c in item.film.stem if c.isdigit())))
        return Prediction(item.film.name, ISBI19, points, np.ones(19), None, "unknown")


def links(folder: Path, count: int) -> Path:
    """A folder with one phantom's worth of bytes under many names."""
    folder.mkdir()
    one = folder.parent / "one.png"
    Image.new("L", (2, 3)).save(one)  # a viewer can open it, as markups need
    for k in range(count):
        (folder / f"film_{k:05d}.png").symlink_to(one)
    return folder


def run(
    films: Path,
    out: Path,
    stub: Stub,
    formats: tuple[str, ...] = ("csv",),
    overwrite: bool = False,
    bundle: Path | None = None,
    spacing_mm: float | None = None,
    backend: str = "torch",
) -> BatchResult:
    """Predict a film or the films of a folder; what is said of them goes to standard error."""
    settings = result_settings(bundle, spacing_mm, backend)
    output = ResultFolder(out, formats)
    say = partial(print, file=sys.stderr)
    return predict_batch(find_films([films]), output, stub, settings, overwrite=overwrite, say=say)


def done(out: Path) -> dict[str, float]:
    """The films of the table and what was found on them; each film has all its rows."""
    with (out / "landmarks.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {row["image"]: float(row["x_px"]) for row in rows}
    assert [(row["image"], row["landmark"]) for row in rows] == [(name, s) for name in found for s in ISBI19.symbols]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("shares_cores", [False, True])
def test_memory_does_not_grow_with_the_films(tmp_path: Path, shares_cores: bool) -> None:
    films = links(tmp_path / "films", 4_000)
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most, used = 0, {}

    class Counting(Stub):
        def load(self, film: Path) -> Item:
            item = super().load(film)
            alive.add(item)
            return item

        def predict(self, item: Item) -> Prediction:
            nonlocal most
            most = max(most, len(alive))
            count = len(self.predicted)
            if count == 1000:
                tracemalloc.start()
            if count in (1500, 2500, 3500):
                used[count] = tracemalloc.get_traced_memory()[0]
            return super().predict(item)

    try:
        assert run(films, tmp_path / "out", Counting(shares_cores=shares_cores)).failed == 0
    finally:
        tracemalloc.stop()
    assert most <= 80
    # Nothing is left of a film; its prediction would be over 1500 bytes. What remained of each film would add up in
    # both halves, while a module that is imported meanwhile counts in one.
    assert min(used[2500] - used[1500], used[3500] - used[2500]) / 1000 < 450
    assert done(tmp_path / "out") == {f"film_{k:05d}.png": k for k in range(4_000)}


def test_next_film_is_read_while_one_is_predicted(tmp_path: Path) -> None:
    begun = {f"film_{k:05d}.png": threading.Event() for k in range(4)}

    def wait_for_next(film: Path) -> None:
        number = int(film.stem[-5:])
        following = begun.get(f"film_{number + 1:05d}.png")
        assert following is None or following.wait(30), "nobody reads ahead"

    stub = Stub(on_load=lambda film: begun[film.name].set(), on_predict=wait_for_next)
    assert run(links(tmp_path / "films", 4), tmp_path / "out", stub).failed == 0


def test_nothing_is_read_or_written_while_the_processor_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy: set[str] = set()

    def work(film: Path) -> None:
        busy.add(film.name)
        time.sleep(0.02)
        busy.discard(film.name)

    def alone(film: Path) -> None:
        time.sleep(0.01)
        assert not busy

    monkeypatch.setattr(
        "monai_ceph.batch.result_folder.write_markups", lambda path, found, frame: work(Path(found.image))
    )
    stub = Stub(on_load=work, on_predict=alone, shares_cores=True)
    assert run(links(tmp_path / "films", 7), tmp_path / "out", stub, formats=("csv", "markups")).failed == 0
    assert list(done(tmp_path / "out").values()) == list(range(7))


@pytest.mark.parametrize("shares_cores", [False, True])
def test_readers_have_one_torch_thread_and_the_network_has_all(tmp_path: Path, shares_cores: bool) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    seen: dict[str, set[int]] = {"load": set(), "predict": set()}
    stub = Stub(
        on_load=lambda _: seen["load"].add(torch.get_num_threads()),
        on_predict=lambda _: seen["predict"].add(torch.get_num_threads()),
        shares_cores=shares_cores,
    )
    try:
        assert run(links(tmp_path / "films", 4), tmp_path / "out", stub).failed == 0
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == {"load": {1}, "predict": {3}}


def test_film_is_predicted_while_the_one_before_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = threading.Event()

    def slow_write(path: Path, prediction: Prediction, frame: ViewerFrame) -> None:
        if prediction.image == "film_00000.png":
            assert second.wait(30), "the writer holds up the network"

    monkeypatch.setattr(result_folder, "write_markups", slow_write)
    stub = Stub(on_predict=lambda film: second.set() if film.name == "film_00001.png" else None)
    assert run(links(tmp_path / "films", 2), tmp_path / "out", stub, formats=("csv", "markups")).failed == 0


def test_same_command_again_does_nothing_twice(tmp_path: Path) -> None:
    films, out, stub = links(tmp_path / "films", 5), tmp_path / "out", Stub()
    run(films, out, stub)
    (films / "film_00005.png").symlink_to(tmp_path / "one.png")
    assert run(films, out, stub).before == 5
    assert stub.predicted == [f"film_{k:05d}.png" for k in range(6)] and len(done(out)) == 6
    run(films, out, stub)
    assert stub.loads == 2, "the network was loaded for nothing"
    run(films, out, stub, overwrite=True)
    assert len(stub.predicted) == 12


def test_table_holds_the_films_that_were_asked_for(tmp_path: Path) -> None:
    films, out, stub = links(tmp_path / "films", 3), tmp_path / "out", Stub()
    run(films, out, stub)
    assert run(films / "film_00001.png", out, stub).failed == 0
    assert list(done(out)) == ["film_00001.png"] and len(stub.predicted) == 3


def test_film_lacking_a_result_is_done_again(tmp_path: Path) -> None:
    films, out, stub = links(tmp_path / "films", 2), tmp_path / "out", Stub()
    run(films, out, stub)
    run(films, out, stub, formats=("csv", "markups"))
    assert len(stub.predicted) == 4
    (out / "film_00001.png.mrk.json").unlink()
    run(films, out, stub, formats=("csv", "markups"))
    assert stub.predicted[4:] == ["film_00001.png"]


def test_measurements_of_films_that_were_done_before_stay_in_the_table(tmp_path: Path) -> None:
    films, out = links(tmp_path / "films", 2), tmp_path / "out"
    formats = ("csv", "measurements")
    run(films, out, Stub(), formats=formats)
    first = (out / "measurements.csv").read_text(encoding="utf-8")
    with (out / "measurements.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(dict.fromkeys(row["image"] for row in rows)) == ["film_00000.png", "film_00001.png"]
    assert len(rows) == 2 * len(MEASUREMENTS)
    (out / "measurements.csv").unlink()
    again = Stub()
    run(films, out, again, formats=formats)
    assert again.predicted == [] and (out / "measurements.csv").read_text(encoding="utf-8") == first


def test_films_judged_by_another_status_rule_are_refused(tmp_path: Path) -> None:
    films, out, configs = links(tmp_path / "films", 2), tmp_path / "out", tmp_path / "bundle" / "configs"
    configs.mkdir(parents=True)
    for name in ("inference.json", "landmark_status.json"):
        (configs / name).write_text("{}")
    run(films, out, Stub(), bundle=configs.parent)
    (configs / "landmark_status.json").write_text('{"limit": 0.1}')
    with pytest.raises(ValueError, match=r"other settings \(bundle \w+ then, \w+ now\)"):
        run(films, out, Stub(), bundle=configs.parent)


def test_films_of_other_settings_are_refused(tmp_path: Path) -> None:
    films, out, stub = links(tmp_path / "films", 2), tmp_path / "out", Stub()
    run(films, out, stub, spacing_mm=0.1)
    with pytest.raises(ValueError, match=r"other settings \(spacing 0\.1 mm then, 0\.127 mm now\)"):
        run(films, out, stub, spacing_mm=0.127)
    with pytest.raises(ValueError, match=r"other settings \(backend torch then, onnx now\)"):
        run(films, out, stub, spacing_mm=0.1, backend="onnx")
    run(films, out, stub, spacing_mm=0.127, overwrite=True)
    assert len(stub.predicted) == 4


def test_film_that_failed_is_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, out = links(tmp_path / "films", 9), tmp_path / "out"

    def fail(film: Path) -> None:
        if film.name == "film_00004.png":
            raise ValueError(f"{film}: blank")

    assert run(films, out, Stub(on_load=fail)).failed == 1
    assert "film_00004.png: blank" in capsys.readouterr().err
    assert len(done(out)) == 8
    again = Stub()
    assert run(films, out, again).failed == 0
    assert again.predicted == ["film_00004.png"] and list(done(out)) == [f"film_{k:05d}.png" for k in range(9)]


def test_table_of_an_earlier_run_is_not_passed_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, out = links(tmp_path / "films", 2), tmp_path / "out"
    out.mkdir()
    (out / "landmarks.csv").write_text("old")

    def fail(film: Path) -> None:
        raise ValueError("blank")

    assert run(films, out, Stub(on_load=fail)).failed == 2
    assert f"no film was done: '{out / 'landmarks.csv'}' is of an earlier run." in capsys.readouterr().err
    assert (out / "landmarks.csv").read_text() == "old"


def test_result_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    films, out, stub = links(tmp_path / "films", 200), tmp_path / "out", Stub()
    (out / "film_00003.png.mrk.json").mkdir(parents=True)
    with pytest.raises(OSError, match=r"Cannot write '.*film_00003\.png\.mrk\.json'"):
        run(films, out, stub, formats=("csv", "markups"))
    assert len(stub.predicted) < 100
    assert list(done(out)) == [f"film_{k:05d}.png" for k in range(3)]
    (out / "film_00003.png.mrk.json").rmdir()
    assert run(films, out, stub, formats=("csv", "markups")).failed == 0
    assert len(done(out)) == 200


def test_interrupted_run_leaves_its_table(tmp_path: Path) -> None:
    def interrupt(film: Path) -> None:
        if film.name == "film_00050.png":
            raise KeyboardInterrupt

    films, out = links(tmp_path / "films", 60), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(films, out, Stub(on_predict=interrupt))
    kept = done(out)
    assert 0 < len(kept) <= 50
    again = Stub()
    assert run(films, out, again).failed == 0
    assert set(again.predicted).isdisjoint(kept) and len(done(out)) == 60


def test_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    films, out = links(tmp_path / "films", 300), tmp_path / "out"
    code = (
        "import sys, time; from pathlib import Path; from tests.batch.test_predict import Stub, run\n"
        "run(Path(sys.argv[1]), Path(sys.argv[2]), Stub(on_predict=lambda film: time.sleep(0.01)))"
    )
    killed = subprocess.Popen([sys.executable, "-c", code, str(films), str(out)], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 120
    while not (out / RECORDS).exists() or len(list((out / RECORDS).iterdir())) < 20:
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    noted = len(list((out / RECORDS).glob("film_*.json")))
    left = out / RECORDS / f".{'0' * 32}.json"  # wherever the kill came, half a record is no film
    left.write_bytes((out / RECORDS / "film_00000.png.json").read_bytes()[:100])
    assert 10 < noted < 300 and not (out / "landmarks.csv").exists()
    again = Stub()
    assert run(films, out, again).failed == 0
    assert again.predicted == [f"film_{k:05d}.png" for k in range(noted, 300)]
    assert done(out) == {f"film_{k:05d}.png": k for k in range(300)} and not left.exists()


def test_film_of_the_same_name_from_another_folder_fails_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    films, other, out = links(tmp_path / "films", 2), links(tmp_path / "other" / "films", 3), tmp_path / "out"
    Image.new("L", (50, 40)).save(other.parent / "one.png")
    run(films, out, Stub(), formats=("csv", "markups"))
    before = (out / "film_00001.png.mrk.json").read_bytes()
    capsys.readouterr()
    (films / "film_00000.png").unlink()
    (other / "film_00000.png").unlink()
    again = Stub()
    result = run(other, out, again, formats=("csv", "markups"))
    assert (result.failed, result.before) == (1, 0)
    assert f"{other / 'film_00001.png'}: '{out}' has results of another film of this name" in capsys.readouterr().err
    assert again.predicted == ["film_00002.png"] and (out / "film_00001.png.mrk.json").read_bytes() == before


class Doubtful(Stub):
    """Is not sure of any film, and hears the decoder complain of each."""

    def predict(self, item: Item) -> Prediction:
        return replace(super().predict(item), confidence=np.full(19, 0.1)).doubted(("libjpeg: bad marker",))


def remarks(text: str) -> list[str]:
    """What is said of single films."""
    return sorted(line.split(" (")[0] for line in text.splitlines() if line.startswith("film_"))


def test_remarks_are_repeated_for_films_that_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, out = links(tmp_path / "films", 60), tmp_path / "out"

    def interrupt(film: Path) -> None:
        if film.name == "film_00050.png":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(films, out, Doubtful(on_predict=interrupt))
    capsys.readouterr()
    assert done(out)
    assert run(films, out, Doubtful()).failed == 0
    both = ("low confidence", "the file may be damaged and its points doubtful")
    expected = sorted(f"film_{k:05d}.png: {remark}" for k in range(60) for remark in both)
    assert remarks(capsys.readouterr().err) == expected
    again = Doubtful()
    assert run(films, out, again).failed == 0
    assert again.predicted == [] and remarks(capsys.readouterr().err) == expected


def test_film_whose_record_was_damaged_is_predicted_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, out = links(tmp_path / "films", 3), tmp_path / "out"
    run(films, out, Stub())
    record = out / RECORDS / "film_00001.png.json"
    record.write_text(record.read_text().replace('"1.000"', '"9.000"'))
    again = Stub()
    assert run(films, out, again).failed == 0
    assert "is damaged or was edited: its content does not have its checksum. film_00001.png is predicted again." in (
        capsys.readouterr().err
    )
    assert again.predicted == ["film_00001.png"] and done(out)["film_00001.png"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_table_that_was_edited_is_kept_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, out, stub = links(tmp_path / "films", 2), tmp_path / "out", Stub()
    run(films, out, stub)
    table = (out / "landmarks.csv").read_text()
    assert "was edited" not in capsys.readouterr().err
    (out / "landmarks.csv").write_text(table.replace("0", "5", 1))
    run(films, out, stub)
    assert "landmarks.csv' was edited or damaged since it was written; it is kept as 'landmarks.changed.csv'" in (
        capsys.readouterr().err
    )
    assert (out / "landmarks.csv").read_text() == table != (out / "landmarks.changed.csv").read_text()
    run(films, out, stub)
    assert "was edited" not in capsys.readouterr().err


def test_films_whose_names_no_result_can_have_fail_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films, out = links(tmp_path / "films", 2), tmp_path / "out"
    (films / f"{'9' * 240}.png").symlink_to(tmp_path / "one.png")
    (films / os.fsdecode(b"9\xff.png")).symlink_to(tmp_path / "one.png")
    assert run(films, out, Stub(), formats=("csv", "markups")).failed == 2
    said = capsys.readouterr().err
    assert "its name has 244 bytes" in said and "9\\xff.png: its name is not UTF-8" in said
    assert list(done(out)) == ["film_00000.png", "film_00001.png"]
