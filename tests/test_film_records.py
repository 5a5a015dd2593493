"""One record a film: whole or not there, and never taken for what it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_ceph.film_records import FilmRecords, RecordError

NAMES = ("a.png", "1.2.840.10008.1", "Röntgen #1 %.jpg", ".hidden.png", "settings", "x" * 243)


@pytest.mark.parametrize("name", NAMES)
def test_record_of_any_name_is_read_back(tmp_path: Path, name: str) -> None:
    content = {"path": "/films/\udcff/ö", "rows": [["1.000", ""]], "mtime_ns": 2**62, "value": 0.1 + 0.2, "none": None}
    FilmRecords(tmp_path / "new").write(name, content)
    assert FilmRecords(tmp_path / "new").read(name) == content
    assert FilmRecords(tmp_path / "new").films() == [name]


def test_no_record_and_no_folder(tmp_path: Path) -> None:
    records = FilmRecords(tmp_path / "nowhere")
    assert records.read("a.png") is None and records.films() == [] and not records.folder.exists()


def test_temporary_file_is_no_record(tmp_path: Path) -> None:
    (tmp_path / f".{'0123456789abcdef' * 2}.json").write_text("half a rec")
    assert FilmRecords(tmp_path).films() == []


def test_every_flipped_digit_is_noticed(tmp_path: Path) -> None:
    """The file stays JSON whatever digit is changed: only the checksum tells."""
    records = FilmRecords(tmp_path)
    records.write("a.png", {"rows": [["12.345"]], "bytes": 678})
    whole = (tmp_path / "a.png.json").read_text()
    places = [k for k, c in enumerate(whole) if c.isdigit() and whole[k - 1] != '"']
    assert len(places) > 20
    for k in places:
        (tmp_path / "a.png.json").write_text(f"{whole[:k]}{(int(whole[k]) + 1) % 10}{whole[k + 1 :]}")
        with pytest.raises(RecordError, match=r"a\.png\.json' (is damaged|has another form)"):
            records.read("a.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged: it is not JSON"),
        (b'{"sha256": "', "is damaged: it is not JSON"),
        (b"\xff\xfe", "is damaged: it is not JSON"),
        (b"[" * 100_000, "is damaged: it is not JSON"),
        (b"[]", "has another form than this version writes"),
        (b"3", "has another form than this version writes"),
        (b"null", "has another form than this version writes"),
        (b"{}", "has another form than this version writes"),
        (b'{"sha256": "0", "content": []}', "has another form than this version writes"),
        (b'{"sha256": null, "content": {}}', "is damaged or was edited: its content does not have its checksum"),
        (b'{"sha256": "0", "content": {"a": NaN}}', "is damaged or was edited: its content does not have its checksum"),
    ],
)
def test_file_that_is_no_record_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.png.json").write_bytes(content)
    with pytest.raises(RecordError, match=rf"The record '.*a\.png\.json' {message}"):
        FilmRecords(tmp_path).read("a.png")


def test_folder_in_the_place_of_a_record(tmp_path: Path) -> None:
    (tmp_path / "a.png.json").mkdir()
    with pytest.raises(RecordError, match=r"a\.png\.json' cannot be read \(Is a directory\)"):
        FilmRecords(tmp_path).read("a.png")


def test_number_that_json_does_not_have_is_refused_and_the_old_record_kept(tmp_path: Path) -> None:
    records = FilmRecords(tmp_path)
    records.write("a.png", {"value": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        records.write("a.png", {"value": float("nan")})
    assert records.read("a.png") == {"value": 1}
    assert json.loads((tmp_path / "a.png.json").read_text())["content"] == {"value": 1}
