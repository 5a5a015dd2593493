"""A folder of films and labels: what is listed, what is refused, and that no label is lost, whoever is killed when."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.data import label_folder
from monai_ceph.data.film import FilmError
from monai_ceph.data.film_folder import UnknownFilmError
from monai_ceph.data.label_check import LARGEST_BYTES, LabelError, LabelSizeError
from monai_ceph.data.label_folder import LabelFolder, UnknownLabelError
from tests.data.film_files import picture
from tests.data.label_files import AB, label_bytes, write_film

BAD_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    ".hidden",
    " a",
    "a ",
    "\ud800",
    "x" * 101,
]


def points(x: float) -> list[list[float]]:
    return [[x, 2.0], [3.0, 4.0]]


@pytest.fixture
def films(tmp_path: Path) -> LabelFolder:
    """One film, "7", whose viewer takes its dots per inch."""
    folder = tmp_path / "films"
    folder.mkdir()
    write_film(folder / "7.jpg")
    return LabelFolder(folder, AB)


def label(films: LabelFolder, x: float = 1.0) -> bytes:
    return label_bytes(films.folder / "7.jpg", points(x))


def everything(folder: Path) -> dict[str, bytes]:
    """All files but the lock and notes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".monai_ceph" not in path.parts
    }


# --- films


def test_film_in_a_folder_is_labelled_under_its_own_id(films: LabelFolder) -> None:
    for patient in ("anna", "bo"):
        (films.folder / patient / "2026").mkdir(parents=True)
        write_film(films.folder / patient / "2026" / "7.jpg")
    assert list(films.films()) == ["7", "anna__2026__7", "bo__2026__7"]
    content = label(films)
    assert films.save("bo__2026__7", content).name == "bo__2026__7.mrk.json"
    assert [item["film"] for item in films.items()] == ["bo__2026__7"]
    assert films.items()[0]["image"] == str(films.folder / "bo" / "2026" / "7.jpg")
    of_another = json.loads(content)
    of_another["markups"][0]["film"] = {"name": "7.jpg"}
    with pytest.raises(LabelError, match=r"it was made on another film, '7.jpg', not on 'anna__2026__7'"):
        films.save("anna__2026__7", json.dumps(of_another).encode())


def test_films_come_and_go(films: LabelFolder) -> None:
    write_film(films.folder / "8.png")
    assert list(films.films()) == ["7", "8"]
    films.save("7", label(films))
    films.film("7").unlink()
    assert list(films.films()) == ["8"]
    assert (films.labels(), films.annotators(), films.items()) == ({}, {}, [])
    with pytest.raises(UnknownFilmError, match=r"^There is no film '7' in the folder\.$"):
        films.film("7")


def test_link_that_leads_out_of_the_folder_is_no_label(films: LabelFolder, tmp_path: Path) -> None:
    (films.folder / "in.png").symlink_to(films.folder / "7.jpg")
    (tmp_path / "secret.json").write_bytes(label(films))
    films.save("7", label(films))
    (films.folder / "labels" / "final" / "in.mrk.json").symlink_to(tmp_path / "secret.json")
    assert list(films.labels()) == ["7"]
    with pytest.raises(UnknownLabelError, match="Film 'in' has no label with the tag 'final'"):
        films.label("in")


def test_final_label_of_another_annotator_is_replaced_only_if_asked(films: LabelFolder) -> None:
    annas = films.save("7", label(films, 1), user="anna", replace=False)
    bos = films.save("7", label(films, 2), user="bo", replace=False)
    assert annas == films.label("7") and annas.read_bytes() == label(films, 1)
    assert bos == films.annotators()["bo"]["7"] and bos.read_bytes() == label(films, 2)
    assert films.save("7", label(films, 3), user="anna", replace=False) == annas
    assert films.save("7", label(films, 4), user="bo") == annas
    assert films.label_info("7")["user"] == "bo" and annas.read_bytes() == label(films, 4)
    assert len(list((films.folder / "labels" / "history" / "7").iterdir())) == 4
    annas.write_bytes(label(films, 5))  # put there by hand: nobody knows by whom
    assert films.save("7", label(films, 6), user="bo", replace=False) == bos


def test_check_of_the_points_may_refuse_a_label(films: LabelFolder) -> None:
    def check(points_px: np.ndarray) -> None:
        raise LabelError(f"S lies at {points_px[0].round(3).tolist()}.")

    with pytest.raises(LabelError, match=r"S lies at \[1.0, 2.0\]"):
        films.save("7", label(films), check=check)
    assert not (films.folder / "labels").exists()


@pytest.mark.parametrize("film_id", [*BAD_NAMES, "8", "7.jpg", "films/7", None, 7])
def test_ids_of_no_film(films: LabelFolder, film_id: Any) -> None:
    before = everything(films.folder.parent)
    for act in (
        lambda: films.film(film_id),
        lambda: films.save(film_id, label(films)),
        lambda: films.points_px(film_id, films.folder / "7.jpg"),
        lambda: films.update_info(film_id, {}),
        lambda: films.remove_film(film_id),
    ):
        with pytest.raises(UnknownFilmError, match=r"^There is no film .* in the folder\.$"):
            act()
    for look in (
        lambda: films.label(film_id),
        lambda: films.label_info(film_id),
        lambda: films.remove(film_id, "final"),
    ):
        with pytest.raises((UnknownFilmError, UnknownLabelError)):
            look()
    assert everything(films.folder.parent) == before


def test_film_is_added_under_its_id(films: LabelFolder, tmp_path: Path) -> None:
    upload = write_film(tmp_path / "tmpabc.JPG")
    assert films.add_film("new film", upload) == films.folder / "new film.jpg"
    assert (films.folder / "new film.jpg").read_bytes() == upload.read_bytes()
    assert list(films.films()) == ["7", "new film"]


@pytest.mark.parametrize("film_id", BAD_NAMES)
def test_film_whose_id_is_no_plain_name(films: LabelFolder, tmp_path: Path, film_id: str) -> None:
    before = everything(films.folder.parent)
    with pytest.raises(LabelError, match=r"^Expected a plain name as film id"):
        films.add_film(film_id, films.folder / "7.jpg")
    assert everything(films.folder.parent) == before


def test_film_is_never_overwritten(films: LabelFolder, tmp_path: Path) -> None:
    (films.folder / "out.png").symlink_to(tmp_path / "secret.png")
    before = everything(films.folder)
    for film_id, upload in (("7", "up.png"), ("7", "up.jpg"), ("out", "up.png")):
        with pytest.raises(FileExistsError, match=f"^There is a film '{film_id}' already; choose another id"):
            films.add_film(film_id, write_film(tmp_path / upload))
    assert everything(films.folder) == before and not (tmp_path / "secret.png").exists()


def test_upload_that_is_no_film(films: LabelFolder, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no film")
    with pytest.raises(FilmError, match=r"^Film '8': its content is not a readable image") as caught:
        films.add_film("8", tmp_path / "text.png")
    assert str(tmp_path) not in str(caught.value)
    with pytest.raises(FilmError, match=r"^Film '8': expected a file ending in one of \.png .*, got 'film\.exe'"):
        films.add_film("8", write_film(tmp_path / "film.png").rename(tmp_path / "film.exe"))
    with pytest.raises(FilmError, match=r"^Film '8\.overlay': expected a file ending in"):  # would not be listed
        films.add_film("8.overlay", write_film(tmp_path / "film.png"))
    assert list(everything(films.folder)) == ["7.jpg"]


def test_metaimage_may_not_name_another_file(films: LabelFolder, tmp_path: Path) -> None:
    """Else an upload could read any file of the server as pixels."""
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(600))
    header = "ObjectType = Image\nNDims = 2\nBinaryData = True\nDimSize = 20 30\nElementType = MET_UCHAR\n"
    for suffix in (".mha", ".mhd", ".png"):
        (tmp_path / f"up{suffix}").write_text(f"{header}ElementDataFile = {secret}\n")
        with pytest.raises(FilmError, match=r"^Film '8': its pixels are in another file; save it as one .mha file"):
            films.add_film("8", tmp_path / f"up{suffix}")
    (tmp_path / "up.mha").write_bytes(f"{header}ElementDataFile = LOCAL\n".encode() + picture().tobytes())
    films.add_film("8", tmp_path / "up.mha")


def test_removed_film_leaves_its_history_alone(films: LabelFolder) -> None:
    write_film(films.folder / "8.png")
    films.save("8", label_bytes(films.film("8"), points(1)), user="ben")
    for tag in ("final", "original"):
        films.save("7", label(films), tag, user="anna")
    films.update_info("7", {"strategy": 1})
    films.remove_film("7")
    left = everything(films.folder)
    assert sorted(name for name in left if "history" not in name) == [
        "8.png",
        "labels/annotators/ben/8.mrk.json",
        "labels/final/8.mrk.json",
    ]
    assert sum(name.startswith("labels/history/7/") for name in left) == 2
    assert films.info("7") == {}
    write_film(films.folder / "7.jpg")
    with pytest.raises(UnknownLabelError):
        films.label_info("7")


# --- labels


def test_saved_label_is_everywhere_it_belongs(films: LabelFolder) -> None:
    content = label(films)
    path = films.save("7", content, user="anna b@clinic.org")
    assert path == films.folder / "labels" / "final" / "7.mrk.json" == films.label("7")
    files = everything(films.folder)
    del files["7.jpg"]
    assert set(files.values()) == {content}
    [history] = [name for name in files if name.startswith("labels/history/7/")]
    assert history.endswith("Z_anna b@clinic.org_final.mrk.json")
    assert sorted(set(files) - {history}) == [
        "labels/annotators/anna b@clinic.org/7.mrk.json",
        "labels/final/7.mrk.json",
    ]
    np.testing.assert_allclose(films.points_px("7", path), points(1), atol=1e-9)
    assert films.labels() == {"7": path}
    assert films.annotators() == {
        "anna b@clinic.org": {"7": films.folder / "labels/annotators/anna b@clinic.org/7.mrk.json"}
    }


def test_other_tags_are_nobodys_final_label(films: LabelFolder) -> None:
    films.save("7", label(films), "original", "model")
    assert films.tags() == ["original"]
    assert (films.labels(), films.annotators()) == ({}, {})
    assert list(films.labels("original")) == ["7"]
    assert len(films.items("original")) == 1


def test_the_last_final_label_counts_and_annotators_are_kept_apart(films: LabelFolder) -> None:
    for x, user in ((1, "anna"), (5, "ben"), (6, "ben")):
        films.save("7", label(films, x), user=user)
    assert films.points_px("7", films.label("7"))[0, 0] == pytest.approx(6)
    last = {user: films.points_px("7", labels["7"])[0, 0] for user, labels in films.annotators().items()}
    assert last == pytest.approx({"anna": 1, "ben": 6})


def test_saving_the_same_film_twice_keeps_both(films: LabelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_folder, "datetime", StandingClock())
    for x in (1, 5):
        films.save("7", label(films, x), user="anna")
    kept = sorted((films.folder / "labels" / "history" / "7").iterdir())
    assert [films.points_px("7", path)[0, 0] for path in kept] == pytest.approx([1, 5])


class StandingClock:
    """datetime.datetime whose clock moves on only at each third look."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self, zone: Any) -> Any:
        from datetime import datetime

        self.looks += 1
        return datetime(2026, 1, 1, microsecond=self.looks // 3, tzinfo=zone)


@pytest.mark.parametrize("name", [*BAD_NAMES, None])
def test_tags_and_users_that_are_no_plain_names(films: LabelFolder, name: Any) -> None:
    before = everything(films.folder.parent)
    for act in (
        lambda: films.save("7", label(films), tag=name),
        lambda: films.labels(name),
        lambda: films.label("7", name),
        lambda: films.remove("7", name),
    ):
        with pytest.raises(LabelError, match=r"^Expected a plain name as tag, of at most 100 bytes, without slashes"):
            act()
    with pytest.raises(LabelError, match=r"^Expected a plain name as user"):
        films.save("7", label(films), user=name)
    assert everything(films.folder.parent) == before


@pytest.mark.parametrize(("key", "name"), [("tag", "annotators"), ("tag", "history"), ("user", "final")])
def test_reserved_names(films: LabelFolder, key: str, name: str) -> None:
    with pytest.raises(LabelError, match=rf"^The {key} cannot be '{name}', which has a meaning of its own here"):
        films.save("7", label(films), **{key: name})


def test_refused_label_changes_nothing(films: LabelFolder) -> None:
    films.save("7", label(films), user="anna")
    before = everything(films.folder)
    with pytest.raises(
        LabelError, match=r"^The label of film '7': landmark A at \(99\.0, 2\.0\) px is off the 20 x 30"
    ):
        films.save("7", label(films, 99), user="anna")
    with pytest.raises(LabelSizeError):
        films.save("7", b" " * (LARGEST_BYTES + 1))
    with pytest.raises(LabelError, match="cannot be written as JSON"):
        films.save("7", label(films, 2), info={"loss": float("nan")})
    with pytest.raises(LabelError, match="cannot be written as JSON"):
        films.save("7", label(films, 2), info={"name": "\ud800"})
    with pytest.raises(LabelSizeError, match="larger than 1 MB"):
        films.save("7", label(films, 2), info={"name": "x" * LARGEST_BYTES})
    assert everything(films.folder) == before


def test_label_of_a_film_that_cannot_be_read(films: LabelFolder) -> None:
    content = label(films)
    (films.folder / "7.jpg").write_bytes(b"no film")
    with pytest.raises(FilmError, match=r"7\.jpg: its content is not a readable image"):
        films.save("7", content)


def test_removed_label_stays_in_the_history(films: LabelFolder) -> None:
    films.save("7", label(films, 1), user="anna")
    films.save("7", label(films, 5), user="ben")
    films.save("7", label(films, 6), "original")
    films.remove("7", "final")
    assert films.labels() == {} and list(films.labels("original")) == ["7"]
    assert list(films.annotators()) == ["anna"]
    assert len(list((films.folder / "labels" / "history" / "7").iterdir())) == 3
    with pytest.raises(UnknownLabelError, match=r"^Film '7' has no label with the tag 'final'\.$"):
        films.remove("7", "final")


def test_items_for_training(films: LabelFolder) -> None:
    for film_id in ("8", "9", "10", "11"):
        write_film(films.folder / f"{film_id}.jpg")
    films.save("8", label_bytes(films.film("8"), [[1.5, 2.5], [np.nan, np.nan]]))
    films.save("7", label(films))
    for film_id in ("9", "10"):
        films.save(film_id, label(films))
    films.label("9").write_text("{}")
    films.film("10").write_bytes(b"no film")
    with pytest.warns(UserWarning) as warned:
        items = films.items()
    assert [str(warning.message).split(": ")[0] for warning in warned] == [
        "Film '10' is left out",
        "Film '9' is left out",
    ]
    assert "expected Slicer markups" in str(warned[1].message)
    assert [(item["film"], item["image"]) for item in items] == [
        ("7", str(films.folder / "7.jpg")),
        ("8", str(films.folder / "8.jpg")),
    ]
    np.testing.assert_allclose(items[1]["points_px"], [[1.5, 2.5], [np.nan, np.nan]])


def test_label_that_was_put_there_by_hand(films: LabelFolder) -> None:
    films.save("7", label(films), user="anna")
    films.label("7").write_bytes(label(films, 5))
    (films.folder / "labels" / "final" / "notes.txt").write_text("")
    (films.folder / "labels" / "final" / "7").write_text("")
    assert list(films.labels()) == ["7"]
    assert films.points_px("7", films.label("7"))[0, 0] == pytest.approx(5)
    assert "user" not in films.label_info("7")
    films.remove("7", "final")
    assert list(films.annotators()) == ["anna"]


# --- notes


def test_notes_add_up(films: LabelFolder) -> None:
    assert films.info("7") == {}
    films.update_info("7", {"strategy": {"random": {"ts": 1}}})
    films.update_info("7", {"PatientID": "Ä"})
    assert LabelFolder(films.folder).info("7") == {"strategy": {"random": {"ts": 1}}, "PatientID": "Ä"}
    with pytest.raises(LabelError, match="cannot be written as JSON"):
        films.update_info("7", {"loss": float("inf")})
    with pytest.raises(UnknownFilmError):
        films.info("../7")
    for damaged in ("[]", "{", "[" * 100_000):
        (films.state / "info" / "7.json").write_text(damaged)
        assert films.info("7") == {}


def test_notes_of_a_label(films: LabelFolder) -> None:
    before = int(time.time())
    films.save("7", label(films), user="anna", info={"label_info": [1], "user": "mallory", "checksum": "x"})
    info = films.label_info("7")
    assert (info["user"], info["label_info"]) == ("anna", [1]) and before <= info["ts"] <= time.time()
    assert info["checksum"].startswith("SHA256:")
    films.update_label_info("7", "final", {"user": "../..", "ts": 0, "checksum": "x", "level": "easy"})
    assert films.label_info("7") == {**info, "level": "easy"}
    films.save("7", label(films, 5), user="ben")
    assert films.label_info("7")["user"] == "ben" and "level" not in films.label_info("7")
    with pytest.raises(UnknownLabelError):
        films.update_label_info("7", "original", {})


def test_notes_of_many_at_once_are_all_kept(films: LabelFolder) -> None:
    threads = [threading.Thread(target=films.update_info, args=("7", {f"key {k}": k})) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(films.info("7")) == 20


# --- whoever is killed, whenever

SAVER = """
import sys
from pathlib import Path
from monai_ceph.data.label_folder import LabelFolder
from tests.data.film_files import picture
from tests.data.label_files import AB, label_bytes
folder, user = Path(sys.argv[1]), sys.argv[2]
films, film = LabelFolder(folder, AB), folder / "7.jpg"
for k in range(int(sys.argv[3])):
    x = round(1 + k / 1000, 3)
    films.save("7", label_bytes(film, [[x, 2], [3, 4]]), user=user)
    print(x, flush=True)
"""


def saver(folder: Path, user: str, count: int, repository: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SAVER, str(folder), user, str(count)]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=repository, env=environment)


def history(films: LabelFolder) -> set[float]:
    return {
        round(float(films.points_px("7", path)[0, 0]), 3)
        for path in (films.folder / "labels" / "history" / "7").iterdir()
        if not path.name.startswith(".")
    }


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_kill_9_loses_no_label_that_was_acknowledged(films: LabelFolder, repository: Path) -> None:
    acknowledged: set[float] = set()
    for kill_after in (2, 20):
        process = saver(films.folder, "anna", 1000, repository)
        assert process.stdout is not None
        for _ in range(kill_after):
            acknowledged.add(float(process.stdout.readline()))
        process.kill()
        acknowledged |= {float(line) for line in process.stdout.read().split()}
        assert process.wait() == -signal.SIGKILL
        assert acknowledged <= history(films)
        for path in (films.label("7"), films.annotators()["anna"]["7"]):
            films.points_px("7", path)  # whole
        films.save("7", label(films, 9), user="ben")  # nobody holds the lock
        acknowledged.add(9)
    assert len(acknowledged) > 20


@pytest.mark.slow
def test_two_processes_save_the_same_film_at_once(films: LabelFolder, repository: Path) -> None:
    processes = [saver(films.folder, user, 15, repository) for user in ("anna", "ben")]
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0 and len(output.split()) == 15
    assert len(list((films.folder / "labels" / "history" / "7").iterdir())) == 30
    assert sorted(films.annotators()) == ["anna", "ben"]
    # The final label, what is noted of it, and its annotator's copy are one save's.
    user = films.label_info("7")["user"]
    assert films.annotators()[user]["7"].read_bytes() == films.label("7").read_bytes()


def test_label_is_on_the_disk_in_the_history_before_it_is_anywhere_else(
    films: LabelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace, fsync = os.replace, os.fsync

    def note_replace(source: Path, target: Path) -> None:
        replace(source, target)
        done.append(Path(target).relative_to(films.folder).parts[1])

    def note_fsync(descriptor: int) -> None:
        fsync(descriptor)
        done.append("sync")

    monkeypatch.setattr(os, "replace", note_replace)
    monkeypatch.setattr(os, "fsync", note_fsync)
    films.save("7", label(films))
    named = [step for step in done if step != "sync"]
    assert named == ["history", "annotators", "final", "label_info"]
    for folder in named[:3]:
        at = done.index(folder)
        assert done[at - 1] == done[at + 1] == "sync"


def test_full_disk_is_told_and_keeps_what_was_there(films: LabelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    films.save("7", label(films))
    before = everything(films.folder)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"Cannot write '.*' \(No space left on device\)"):
        films.save("7", label(films, 5))
    assert everything(films.folder) == before


def test_what_is_noted_is_json(films: LabelFolder) -> None:
    films.save("7", label(films), user="anna", info={"path": Path("a")})
    assert json.loads((films.state / "label_info" / "final" / "7.json").read_text())["path"] == "a"
