"""What is done in an output folder, noted film by film, so that a run which was stopped in any way can go on."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from monai_ceph.atomic import atomic_path
from monai_ceph.data.film_identity import film_identity
from monai_ceph.formats.landmark_table import landmark_columns, landmark_rows
from monai_ceph.prediction import Prediction


class Journal:
    """The films done in a folder with their rows of the landmark table, in the file ``.landmarks.jsonl``.

    Its first line holds the settings, each further line one film. A line is added in one piece once all other files of
    its film are there, and never changed; the last line of a film counts, and a line that lacks its end, after a kill
    or on a full disk, does not. Only places in the file are kept in memory. No film, no file.

    Several processes may share the work. The first opens its journal before the others do; these write to files of
    their own, ``.landmarks.<rank>.jsonl``, which the first takes in by :meth:`gather` when they are closed.

    Args:
        folder: the output folder.
        settings: what the films' results depend on beside the films.
        rank: which of the processes this is.
        fresh: forget what was done.
    Raises:
        ValueError: films in the folder were done with other settings; the message says which.
        OSError: another process is writing to the folder.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], rank: int = 0, fresh: bool = False) -> None:
        self.folder, self.settings, self.rank = folder, dict(settings), rank
        self._main = folder / ".landmarks.jsonl"
        self._path = folder / f".landmarks.{rank}.jsonl" if rank else self._main
        self._file: BinaryIO | None = None
        if rank == 0:
            self._prepare(fresh)
        self._places = _scan(self._main).places

    def has(self, film: Path, formats: Iterable[str], results: Iterable[Path] = ()) -> bool:
        """Whether a film was done: this very file, in all these formats, and all these results are still there."""
        entry = self._entry(film)
        return entry is not None and set(formats) <= set(entry["formats"]) and all(path.exists() for path in results)

    def add(self, film: Path, identity: Mapping[str, Any], prediction: Prediction, formats: Sequence[str]) -> None:
        """Notes a film as done.

        Args:
            film: the file.
            identity: its :func:`film_identity` before it was read.
            prediction: its landmarks.
            formats: what was written of it.
        Raises:
            OSError: the line cannot be written; the journal is as before.
        """
        extra = tuple(prediction.extra)
        table = {"columns": landmark_columns(extra), "rows": list(landmark_rows(prediction, extra))}
        place = self._append(_line({"image": film.name, **identity, "formats": list(formats), **table}))
        if self.rank == 0:
            self._places[film.name] = place

    def gather(self) -> None:
        """Takes in what other processes noted. For the first process, when the others have closed theirs."""
        for path in self._others():
            films = _scan(path)
            if films.places:
                with path.open("rb") as file:
                    file.seek(min(films.places.values()))
                    self._append(file.read(films.end - file.tell()))
            path.unlink()
            self._places = _scan(self._main).places

    def write_table(self, path: Path, films: Sequence[Path]) -> int:
        """Writes the landmark table of those of the films that are done, in their order; nothing if none is.

        Returns:
            How many films are in it.
        Raises:
            OSError: as :func:`~monai_ceph.atomic.atomic_path`.
        """
        count, columns = 0, dict[str, None]()
        for film in films:
            if entry := self._entry(film):
                count += 1
                columns.update(dict.fromkeys(entry["columns"]))
        if count:
            with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, list(columns), restval="", lineterminator="\n")
                table.writeheader()
                for film in films:
                    if entry := self._entry(film):
                        table.writerows(dict(zip(entry["columns"], row, strict=True)) for row in entry["rows"])
        return count

    def close(self) -> None:
        """Lets other processes write."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _prepare(self, fresh: bool) -> None:
        main = _scan(self._main)
        if main.end:
            self._open()
        try:
            if fresh or not main.places:
                self._truncate(0)
            if fresh:
                for path in self._others():
                    path.unlink()
            for path in [self._main, *self._others()]:
                films = _scan(path)
                if films.places and films.settings != self.settings:
                    raise ValueError(self._differences(films.settings))
            if self._file is not None:
                self._truncate(_scan(self._main).end)  # without what a killed process left of a line
            self.gather()
        except BaseException:
            self.close()
            raise

    def _others(self) -> list[Path]:
        return sorted(self.folder.glob(".landmarks.*.jsonl"))

    def _entry(self, film: Path) -> dict[str, Any] | None:
        place = self._places.get(film.name)
        if place is None:
            return None
        with self._main.open("rb") as file:
            file.seek(place)
            entry: dict[str, Any] = json.loads(file.readline())
        try:
            now = film_identity(film)
        except OSError:
            return None
        return entry if {key: entry[key] for key in now} == now else None

    def _open(self) -> BinaryIO:
        if self._file is None:
            try:
                self._file = self._path.open("ab", buffering=0)
                _lock(self._file)
            except BlockingIOError as error:
                self.close()
                raise OSError(
                    f"Another process is writing to '{self.folder}'; wait until it is done, or choose another output "
                    "folder."
                ) from error
            except OSError as error:
                raise _cannot_write(self._path, error) from error
        return self._file

    def _append(self, data: bytes) -> int:
        """Adds all of the data or nothing; returns where it starts."""
        file = self._open()
        before = start = os.fstat(file.fileno()).st_size
        if start == 0:
            head = _line({"settings": self.settings})
            start, data = len(head), head + data
        try:
            rest = memoryview(data)
            while rest:  # a disk takes the last bytes for which it has room, and then says so
                rest = rest[file.write(rest) :]
        except OSError as error:
            file.truncate(before)
            raise _cannot_write(self._path, error) from error
        return start

    def _truncate(self, size: int) -> None:
        if self._file is not None:
            self._file.truncate(size)

    def _differences(self, then: Mapping[str, str]) -> str:
        changed = [
            f"{name} {then.get(name, 'unknown')} then, {self.settings.get(name, 'unknown')} now"
            for name in dict.fromkeys([*then, *self.settings])
            if then.get(name) != self.settings.get(name)
        ]
        return (
            f"The films in '{self.folder}' were done with other settings ({'; '.join(changed)}), and results of both "
            "are not mixed; choose another output folder, or give all its films again with --overwrite."
        )


class _Scan(NamedTuple):
    settings: dict[str, str]
    places: dict[str, int]
    """Where the line of each film starts."""
    end: int
    """Where the last whole line ends."""


def _scan(path: Path) -> _Scan:
    settings, places, place = {}, {}, 0
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                try:
                    entry = json.loads(line) if line.endswith(b"\n") else {}
                except ValueError:
                    break
                if not isinstance(entry, dict):
                    break
                if "settings" in entry:
                    settings = entry["settings"]
                elif "image" in entry:
                    places[entry["image"]] = place
                else:
                    break
                place += len(line)
    return _Scan(settings, places, place)


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _lock(file: BinaryIO) -> None:
    """Raises BlockingIOError if another process holds the file; does nothing where files cannot be locked."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # some network file systems
        return


def _cannot_write(path: Path, error: OSError) -> OSError:
    return OSError(
        f"Cannot write '{path}' ({error.strerror or error}); "
        "choose a folder that exists and can be written, on a disk with space left."
    )
