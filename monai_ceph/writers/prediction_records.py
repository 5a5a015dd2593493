"""Record which films of an output folder are predicted, so that an interrupted run can continue."""

from __future__ import annotations

import csv
import hashlib
import heapq
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from monai_ceph.atomic import atomic_path, file_sha256, make_folder, remove_leftovers
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_process import FilmCrashError
from monai_ceph.film_names import OVERLAY_SUFFIX
from monai_ceph.film_records import STATE_FOLDER, FilmRecords, RecordError, film_identity, read_record, write_record
from monai_ceph.formats.landmark_table import landmark_columns, landmark_rows
from monai_ceph.formats.measurement_table import MEASUREMENT_COLUMNS, measurement_rows
from monai_ceph.prediction import Prediction

LONGEST_NAME = 255 - len(OVERLAY_SUFFIX)
"""Bytes of a film's name: file systems take names of 255 bytes, and those of its results are longer."""


@dataclass(frozen=True)
class PredictionRecord:
    """Hold what is recorded of one film.

    Args:
        settings: a digest of the settings that it was predicted with.
        path, bytes, mtime_ns: its :func:`~monai_ceph.film_records.film_identity` before it was read.
        formats: the formats that were written.
        columns, rows: its part of the landmark table.
        measurements: its rows of the table of measurements, if that was written.
        remarks: the remarks on it, sentences without its name.
        crash: how it ended the process that read it, in a sentence; empty if it did not.
    """

    settings: str
    path: str
    bytes: int
    mtime_ns: int
    formats: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    measurements: list[list[str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    crash: str = ""

    def __post_init__(self) -> None:
        if not (
            all(type(number) is int for number in (self.bytes, self.mtime_ns))
            and all(isinstance(text, str) for text in (self.settings, self.path, self.crash))
            and all(map(_is_texts, (self.formats, self.columns, self.remarks)))
            and isinstance(self.rows, list)
            and all(_is_texts(row) and len(row) == len(self.columns) for row in self.rows)
            and isinstance(self.measurements, list)
            and all(_is_texts(row) and len(row) == len(MEASUREMENT_COLUMNS) for row in self.measurements)
        ):
            raise TypeError("a value is of another type")


class PredictionRecords:
    """Read and write the records of the films predicted in a folder, in ``.monai_ceph/predict/films``.

    A film's record is written atomically after all its other files. The process that holds the folder's lock writes the
    settings before any film is read; other processes of the same run only write records. Nothing is kept in memory.

    Args:
        folder: the output folder.
        settings: the settings that the results depend on.
        rank: the rank of this process in the run; the first prepares the folder before the others start.
        fresh: discard existing records.
    Raises:
        ValueError: films in the folder were predicted with other settings, which the message names, or the records have
            an unknown form.
        OSError: another run writes to the folder, or it cannot be written.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], rank: int = 0, fresh: bool = False) -> None:
        self.folder, self.settings = folder, dict(settings)
        self._home = folder / STATE_FOLDER / "predict"
        self._records = FilmRecords(self._home / "films")
        self._digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:12]
        self._lock: FileLock | None = None
        if rank == 0:
            make_folder(self._home)
            self._lock = self._acquired()
            try:
                self._prepare(fresh)
            except BaseException:
                self.close()
                raise

    def find(self, film: Path, formats: Iterable[str], results: Iterable[Path] = ()) -> PredictionRecord | None:
        """Return the record of a film that is done; None if it must be predicted.

        Args:
            film: the file. It is done if this very file was predicted in all these formats and its results exist.
            formats: the requested formats.
            results: the film's own result files.
        Raises:
            FilmError: the film cannot be predicted into this folder: it crashed its reader before, its name is too long
                or not UTF-8, or there are results of another film of this name.
            RecordError: its record is damaged; the film must be predicted again.
        """
        check_name(film)
        record = self._read(film.name)
        if record is None:
            return None
        try:
            film_is = _compare(record, film)
        except OSError:  # gone, which its reader tells
            return None
        if record.crash:
            if film_is == "same":
                raise FilmCrashError(f"{record.crash} (It did so before; --overwrite tries it again.)")
            return None
        if film_is == "another":
            raise FilmError(
                f"{film}: '{self.folder}' has results of another film of this name, '{record.path}'; choose another "
                "output folder, or replace all results with --overwrite."
            )
        complete = set(formats) <= set(record.formats) and all(path.exists() for path in results)
        return record if film_is == "same" and complete else None

    def add(
        self,
        film: Path,
        identity: Mapping[str, Any],
        prediction: Prediction,
        formats: Sequence[str],
        remarks: Sequence[str] = (),
    ) -> None:
        """Record a film as done.

        Args:
            film: the file.
            identity: its :func:`~monai_ceph.film_records.film_identity` before it was read.
            prediction: its landmarks.
            formats: the formats that were written.
            remarks: the remarks on it, which are repeated whenever a run skips it.
        Raises:
            OSError: the record cannot be written; the previous one is kept.
        """
        extra = tuple(prediction.extra)
        record = PredictionRecord(
            self._digest,
            **identity,
            formats=list(formats),
            columns=list(landmark_columns(extra)),
            rows=list(landmark_rows(prediction, extra)),
            measurements=list(measurement_rows(prediction)) if "measurements" in formats else [],
            remarks=list(remarks),
        )
        self._records.write(film.name, asdict(record))

    def add_crash(self, film: Path, error: FilmCrashError) -> None:
        """Record a film that crashed or hung its reader, so that it is not tried again.

        Raises:
            OSError: the record cannot be written.
        """
        record = PredictionRecord(self._digest, **film_identity(film), crash=str(error))
        self._records.write(film.name, asdict(record))

    def write_table(self, path: Path, films: Sequence[Path]) -> int:
        """Write the landmark table of the films that are done, in the given order; nothing if none is.

        Returns:
            The number of films in the table.
        Raises:
            OSError: as :func:`~monai_ceph.atomic.atomic_path`.
        """
        return self._write(path, films, lambda record: (record.columns, record.rows))

    def keep_changed_table(self, path: Path) -> Path | None:
        """Move a table aside if it was edited or damaged since it was written.

        Returns:
            Its new path; None if there is no such table.
        Raises:
            OSError: it cannot be moved.
        """
        known = self._tables().get(path.name)
        if not known or not path.exists() or file_sha256(path) in known:
            return None
        names = (path.with_name(f"{path.stem}.changed{k or ''}{path.suffix}") for k in count())
        kept = next(name for name in names if not name.exists())
        return path.rename(kept)

    def write_measurements(self, path: Path, films: Sequence[Path]) -> int:
        """Write the table of measurements of the films that are done, in the given order; nothing if none is.

        Returns:
            The number of films in the table.
        Raises:
            OSError: as :func:`~monai_ceph.atomic.atomic_path`.
        """
        return self._write(path, films, lambda record: (MEASUREMENT_COLUMNS, record.measurements))

    def _write(
        self,
        path: Path,
        films: Sequence[Path],
        part: Callable[[PredictionRecord], tuple[Sequence[str], list[list[str]]]],
    ) -> int:
        """Write the columns and rows of each film that has some, one film after another, and return their number."""
        columns, written = dict[str, None](), []
        for film in films:
            if (record := self._done(film)) and part(record)[1]:
                written.append(film)
                columns.update(dict.fromkeys(part(record)[0]))
        if not written:
            return 0
        with atomic_path(path) as temporary:
            with temporary.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, list(columns), restval="", lineterminator="\n")
                table.writeheader()
                for film in written:
                    if record := self._done(film):
                        names, rows = part(record)
                        table.writerows(dict(zip(names, row, strict=True)) for row in rows)
            # The checksum of the previous one is kept as well: a run that is killed here leaves that table.
            tables = self._tables()
            tables[path.name] = [file_sha256(temporary), *tables.get(path.name, ())][:2]
            write_record(self._home / "tables.json", tables)
        return len(written)

    def largest_errors(self, films: Sequence[Path], count: int) -> list[tuple[str, str, float]]:
        """Return the points with the largest expected errors among the films that are done: (film, landmark, mm)."""

        def errors() -> Iterator[tuple[str, str, float]]:
            for film in films:
                if record := self._done(film):
                    for values in record.rows:
                        row = dict(zip(record.columns, values, strict=True))
                        if row.get("expected_error_mm"):
                            yield row["image"], row["landmark"], float(row["expected_error_mm"])

        return heapq.nlargest(count, errors(), key=lambda error: error[2])

    def close(self) -> None:
        """Let other runs write to the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _tables(self) -> dict[str, list[str]]:
        """Return the checksums of the last two states of each table, the newest first."""
        try:
            return read_record(self._home / "tables.json") or {}
        except RecordError:
            return {}

    def _acquired(self) -> FileLock:
        lock = FileLock(self._home / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise OSError(
                f"Another process is writing to '{self.folder}'; wait until it is done, or choose another output "
                "folder."
            ) from error
        except OSError as error:
            raise OSError(
                f"Cannot lock '{lock.lock_file}' ({error.strerror or error}); choose an output folder that can be "
                "written, on a file system that locks files."
            ) from error
        return lock

    def _prepare(self, fresh: bool) -> None:
        for folder in (self.folder, self._home, self._records.folder):
            remove_leftovers(folder)
        if fresh and self._records.folder.exists():
            # Atomically: a run that is stopped here leaves all records or none.
            self._records.folder.rename(self._home / f"forgotten-{uuid.uuid4().hex}")
        for forgotten in self._home.glob("forgotten-*"):
            shutil.rmtree(forgotten)
        path, done = self._home / "settings.json", bool(self._records.films())
        try:
            before = read_record(path) if done else None
        except RecordError as error:
            raise ValueError(
                f"{error} Choose another output folder, or give all its films again with --overwrite."
            ) from error
        if before is None:
            write_record(path, self.settings)
        elif before != self.settings:
            raise ValueError(self._differences(before))

    def _read(self, name: str) -> PredictionRecord | None:
        content = self._records.read(name)
        if content is None:
            return None
        try:
            record = PredictionRecord(**content)
        except TypeError as error:
            raise RecordError(
                f"The record of '{name}' in '{self._records.folder}' has another form than this version writes."
            ) from error
        # A process that outlived its run may have written it after the settings were changed.
        return record if record.settings == self._digest else None

    def _done(self, film: Path) -> PredictionRecord | None:
        try:
            return self.find(film, ())
        except (FilmError, RecordError):  # said before
            return None

    def _differences(self, before: Mapping[str, Any]) -> str:
        changed = [
            f"{name} {before.get(name, 'unknown')} then, {self.settings.get(name, 'unknown')} now"
            for name in dict.fromkeys([*before, *self.settings])
            if before.get(name) != self.settings.get(name)
        ]
        return (
            f"The films in '{self.folder}' were done with other settings ({'; '.join(changed)}), and results of both "
            "are not mixed; choose another output folder, or give all its films again with --overwrite."
        )


def check_name(film: Path) -> None:
    """Raise FilmError if results cannot be named after a film."""
    shown = os.fsencode(film).decode(errors="backslashreplace")
    try:
        size = len(film.name.encode())
    except UnicodeEncodeError as error:
        raise FilmError(f"{shown}: its name is not UTF-8, as that of its results has to be; rename it.") from error
    if size > LONGEST_NAME:
        raise FilmError(
            f"{shown}: its name has {size} bytes, and those of its results would be too long for a file system; "
            f"shorten it to {LONGEST_NAME} bytes."
        )


def _compare(record: PredictionRecord, film: Path) -> str:
    """Return how a film relates to the record of its name: "same", "changed" or "another". Raises OSError.

    A moved film is the same if its size and time are equal and nothing is at its old path.
    """
    now = film_identity(film)
    unchanged = (record.bytes, record.mtime_ns) == (now["bytes"], now["mtime_ns"])
    if record.path != now["path"]:
        try:
            if not os.path.samefile(record.path, film):
                return "another"
        except OSError:
            return "same" if unchanged else "another"
    return "same" if unchanged else "changed"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
