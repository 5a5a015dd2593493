"""Processes that read films: same films, and none that takes this process with it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import itk
import numpy as np
import pytest
from PIL import Image

from monai_ceph.data import film_process, film_workers
from monai_ceph.data.film import FilmError, read_film
from monai_ceph.data.film_process import FilmCrashError, WorkerStartError, remarks
from monai_ceph.data.film_workers import FilmWorkers, read_film_apart, some_workers, viewer_frame_apart
from monai_ceph.data.viewer_frame import viewer_frame
from tests.data.film_files import picture, tiff, write_dicom
from tests.data.harm import let_films_do_harm

FOLDER = Path(__file__).parents[2]


def write(path: Path, array: np.ndarray) -> Path:
    itk.imwrite(itk.image_from_array(array), str(path))
    return path


@pytest.fixture(scope="module")
def workers() -> FilmWorkers:
    with FilmWorkers(2) as workers:
        yield workers


def test_same_films_as_in_this_process(workers: FilmWorkers, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture()).save(tmp_path / "turned é.jpg", exif=exif, dpi=(300, 300))
    write(tmp_path / "film.mha", picture(np.uint16))
    write_dicom(tmp_path / "film.dcm", picture(np.uint16), ImagerPixelSpacing=[0.2, 0.1])
    for path in sorted(tmp_path.iterdir()):
        for spacing in (None, (0.1, 0.2)):
            film, info = workers.read(str(path), spacing)
            expected, expected_info = read_film(path, spacing)
            np.testing.assert_array_equal(film, expected)
            assert info == expected_info and film.dtype == np.float32 and film.flags.c_contiguous


def test_error_of_a_film_comes_back_and_the_process_stays(workers: FilmWorkers, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.png"
    with pytest.raises(FilmError, match=r"nowhere\.png: there is no such film; check the path\.") as caught:
        workers.read(path)
    assert type(caught.value) is FilmError
    with pytest.raises(ValueError, match="pixel spacing must be one or two positive numbers"):
        workers.read(path, -1)


def test_name_that_is_not_utf_8(workers: FilmWorkers, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/f\xfflm.png"))
    try:
        Image.fromarray(picture()).save(str(path))
    except OSError:
        pytest.skip("this file system has no such names")
    np.testing.assert_array_equal(workers.read(path)[0], picture().T)


def test_relative_path_is_one_of_the_current_folder(
    workers: FilmWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k, folder in enumerate(("a", "b é")):
        (tmp_path / folder).mkdir()
        Image.fromarray(picture() // (k + 1)).save(tmp_path / folder / "film.png")
        monkeypatch.chdir(tmp_path / folder)
        np.testing.assert_array_equal(workers.read("film.png")[0], (picture() // (k + 1)).T)
    with pytest.raises(FilmError, match=r"^other\.png: there is no such film"):
        workers.read("other.png")


def test_viewer_frame_of_a_film(workers: FilmWorkers, tmp_path: Path) -> None:
    path = write(tmp_path / "film.mha", picture())
    with workers.used_by_this_process():
        frame = viewer_frame_apart(path)
    assert vars(frame).keys() == vars(viewer_frame(path)).keys()
    for name, value in vars(viewer_frame(path)).items():
        np.testing.assert_array_equal(getattr(frame, name), value)


def test_threads_get_each_its_own_film(workers: FilmWorkers, tmp_path: Path) -> None:
    arrays = [picture() // (k + 1) for k in range(6)]
    paths = [tmp_path / f"{k}.png" for k in range(6)]
    for path, array in zip(paths, arrays, strict=True):
        Image.fromarray(array).save(path)
    with ThreadPoolExecutor(6) as pool:
        films = list(pool.map(lambda path: workers.read(path)[0], paths * 3))
    for film, array in zip(films, arrays * 3, strict=True):
        np.testing.assert_array_equal(film, array.T)


# --- damage


@pytest.fixture
def harmful(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FilmWorkers:
    """One process that does to itself what the name of a film says."""
    let_films_do_harm(monkeypatch, tmp_path / "harm")
    monkeypatch.setattr(film_process, "_START_SECONDS", 300.0)
    with FilmWorkers(1, seconds=2) as workers:
        yield workers


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "abort.png",
            r"abort\.png: the file is damaged in a way that ends the program that decodes it \(SIGABRT\); copy",
        ),
        (
            "hang.png",
            r"hang\.png: reading it takes longer than 2 s; the file is damaged\. Copy it again from its source",
        ),
    ],
)
def test_film_that_ends_or_hangs_its_process_is_named_and_the_next_is_read(
    harmful: FilmWorkers, tmp_path: Path, name: str, said: str
) -> None:
    for film in ("good.png", name):
        Image.fromarray(picture()).save(tmp_path / film)
    with pytest.raises(FilmCrashError, match=said):
        harmful.read(tmp_path / name)
    np.testing.assert_array_equal(harmful.read(tmp_path / "good.png")[0], picture().T)


def test_film_that_fills_the_memory_is_refused(harmful: FilmWorkers, tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "fill.png")
    with pytest.raises(
        FilmError, match=r"fill\.png: reading it takes more memory than there is or than is allowed \(2 GB\)"
    ):
        harmful.read(tmp_path / "fill.png")


def test_what_a_decoder_prints_is_a_remark_of_its_film_alone(
    harmful: FilmWorkers, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for film in ("talk.png", "good.png"):
        Image.fromarray(picture()).save(tmp_path / film)
    assert harmful.read(tmp_path / "talk.png")[1].remarks == ("libtiff: bad strip",)
    assert harmful.read(tmp_path / "good.png")[1].remarks == ()
    assert capfd.readouterr() == ("", "")


def test_film_of_itk_prints_no_remark_when_itk_loads(workers: FilmWorkers, tmp_path: Path) -> None:
    (tmp_path / "film.tif").write_bytes(tiff(picture(np.uint32)))
    assert workers.read(tmp_path / "film.tif")[1].remarks == ()


def test_private_tags_of_scanners_cause_no_remarks() -> None:
    said = (
        "TIFFReadDirectory: Warning, Unknown field with tag 34016 (0x84e0) encountered.\n"
        "WARNING: In /src/itkTIFFImageIO.cxx, line 523\n"
        "TIFFImageIO (0x56098b886750): Data loss will occur.\n\nTIFFImageIO (0x1): Data loss will occur.\n"
    )
    assert remarks(said) == ("TIFFImageIO: Data loss will occur.",)
    assert len(remarks("\n".join(f"line {k}" for k in range(1000)))) == 5


def test_process_killed_from_outside_is_replaced(workers: FilmWorkers, tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "good.png")
    workers.read(tmp_path / "good.png")
    for worker in workers._all:
        if worker.process is not None:
            os.kill(worker.process.pid, signal.SIGKILL)
            worker.process.wait()
    np.testing.assert_array_equal(workers.read(tmp_path / "good.png")[0], picture().T)


def test_processes_end_with_the_pool_and_with_their_owner(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "good.png")
    code = (
        "import sys, os\nfrom monai_ceph.data.film_workers import FilmWorkers\n"
        "workers = FilmWorkers(1)\nworkers.read(sys.argv[1])\n"
        "print(workers._all[0].process.pid, flush=True)\nos._exit(0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "good.png")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=FOLDER,
        check=True,
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
    )
    end = time.monotonic() + 60
    while _runs(int(ran.stdout)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _runs(int(ran.stdout))


def _runs(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


# --- the workers of a process


def test_process_reads_by_itself_where_it_uses_no_workers(tmp_path: Path, workers: FilmWorkers) -> None:
    path = tmp_path / "film.png"
    Image.fromarray(picture()).save(path)
    asked: list[Path] = []

    class Counting(FilmWorkers):
        def read(self, path, spacing_mm=None):
            asked.append(path)
            return workers.read(path, spacing_mm)

    np.testing.assert_array_equal(read_film_apart(path)[0], picture().T)
    with Counting().used_by_this_process():
        np.testing.assert_array_equal(read_film_apart(path, 0.1)[0], picture().T)
    read_film_apart(path)
    assert asked == [path]


def test_process_keeps_its_workers_from_call_to_call(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "film.png")
    with some_workers(2) as first, some_workers(2) as again:
        assert again is first
        read_film_apart(tmp_path / "film.png")
        assert first._all[0].process is not None
        pid = first._all[0].process.pid
    assert film_workers._used is None
    with some_workers(2) as later:
        read_film_apart(tmp_path / "film.png")
        assert later is first and later._all[0].process is not None and later._all[0].process.pid == pid


def test_workers_in_use_go_before_those_that_are_kept(workers: FilmWorkers) -> None:
    with workers.used_by_this_process():
        with some_workers(2) as used:
            assert used is workers
        assert film_workers._used is workers


def test_process_that_cannot_be_started_is_no_fault_of_the_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(picture()).save(tmp_path / "film.png")

    def no_memory(*args: object, **options: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    before = os.listdir("/proc/self/fd")
    with FilmWorkers(1) as workers:
        workers._all[0].stop()
        with monkeypatch.context() as patched:
            patched.setattr(subprocess, "Popen", no_memory)
            with pytest.raises(WorkerStartError, match=r"cannot be started \(Cannot allocate memory\); is"):
                workers.read(tmp_path / "film.png")
        np.testing.assert_array_equal(workers.read(tmp_path / "film.png")[0], picture().T)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_what_was_printed_before_itk_loaded_is_kept(harmful: FilmWorkers, tmp_path: Path) -> None:
    write(tmp_path / "talk.mha", picture())
    assert harmful.read(tmp_path / "talk.mha")[1].remarks == ("libtiff: bad strip",)


def test_system_without_such_processes_reads_in_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(picture()).save(tmp_path / "film.png")
    monkeypatch.setattr(film_workers, "APART", False)
    with FilmWorkers() as workers:
        np.testing.assert_array_equal(workers.read(tmp_path / "film.png", 0.1)[0], picture().T)


def test_no_file_stays_open(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "film.png")
    before = os.listdir("/proc/self/fd")
    with FilmWorkers(3) as workers:
        workers.read(tmp_path / "film.png")
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.parametrize("arguments", [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_unusable_numbers(arguments: tuple[int, float]) -> None:
    with pytest.raises(ValueError, match="Expected at least one process and a positive time"):
        FilmWorkers(*arguments)
