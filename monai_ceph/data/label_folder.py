"""Keep the labels of a folder of films: who marked or predicted which points, and when.

    FOLDER/film.png ...                              the films; a film's id is its name without suffix
    FOLDER/patient/film.png ...                      films in folders; their ids are patient__film
    FOLDER/labels/final/<id>.mrk.json                the film's last label with the tag "final"
    FOLDER/labels/<tag>/<id>.mrk.json                labels with another tag, such as "original": the model's proposal
    FOLDER/labels/annotators/<user>/<id>.mrk.json    each annotator's last final label
    FOLDER/labels/history/<id>/<UTC time>_<user>_<tag>.mrk.json    every label that was ever saved
    FOLDER/.monai_ceph/                              what programs note about films and labels

All state is in these files and none in memory, so users may add and remove files, and several processes may share a
folder. A label is written to the history first. Nothing here deletes from the history.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import numpy as np
from filelock import FileLock

from monai_ceph.atomic import atomic_path, durable_path
from monai_ceph.data.film_format import FilmError, film_format
from monai_ceph.data.film_search import looks_like_film
from monai_ceph.data.film_workers import read_film_apart, viewer_frame_apart
from monai_ceph.data.label_check import LARGEST_BYTES, LabelError, LabelSizeError, read_label
from monai_ceph.film_names import FILM_SUFFIXES, film_name
from monai_ceph.film_records import STATE_FOLDER
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.landmarks import ISBI19, LandmarkScheme
from monai_ceph.wording import named

FINAL = "final"
NOBODY = "unknown"
LABEL_SUFFIX = ".mrk.json"
INSIDE = "__"
"""What separates a folder from a film in the id of a film in a folder: an id is part of URLs and file names."""
_RESERVED_TAGS = ("annotators", "history")
_LONGEST_NAME = 100  # bytes; two of them and a time are one file name
_NOT_IN_NAMES = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # paths, control characters, broken Unicode


class UnknownFilmError(LookupError):
    """There is no film of this id in the folder."""


class UnknownLabelError(LookupError):
    """A film has no label of this tag."""


class SameFilmError(ValueError):
    """Two films have the same id, so it is unknown to which of them a label belongs."""


class LabelFolder:
    """Read and change the films of a folder and their labels.

    Args:
        folder: the folder with the films, which may be in subfolders.
        scheme: the landmarks, in the order of the points.
    Raises:
        FilmError: there is no such folder.

    >>> from monai_ceph.phantoms import write_phantoms
    >>> films = write_phantoms("films", count=2, size=(484, 600), spacing_mm=0.4)
    >>> folder = LabelFolder("films")
    >>> list(folder.films()), folder.labels("final")
    (['phantom_000', 'phantom_001'], {})
    """

    def __init__(self, folder: str | Path, scheme: LandmarkScheme = ISBI19) -> None:
        self.folder, self.scheme = Path(folder).resolve(), scheme
        if not self.folder.is_dir():
            raise FilmError(f"{folder}: there is no such folder; give the folder of the films.")

    @property
    def state(self) -> Path:
        """The folder for what programs note about films and labels."""
        return self.folder / STATE_FOLDER

    # --- films

    def films(self) -> dict[str, Path]:
        """Return film id -> file for the films that exist now, sorted by name.

        Files count as in :func:`~monai_ceph.data.film.find_films`, except hidden files and links that lead out of the
        folder. If several films have the same id, the first by file name counts.
        """
        films: dict[str, Path] = {}
        for path in self._film_files():
            films.setdefault(self.film_id(path), path)
        return films

    def film_id(self, path: Path) -> str:
        """Return the id of a film of this folder: its name without suffix, after the folders that it lies in."""
        return INSIDE.join((*path.relative_to(self.folder).parts[:-1], film_name(path)))

    def clashes(self) -> list[tuple[Path, Path]]:
        """Return (film, listed film) for each film that :meth:`films` omits because another one has its id."""
        listed: dict[str, Path] = {}
        pairs = [(path, listed.setdefault(self.film_id(path), path)) for path in self._film_files()]
        return [(path, same_id) for path, same_id in pairs if path != same_id]

    def problems(self) -> list[str]:
        """Return a sentence for each reason why files of the folder that may be films cannot be served."""
        sentences = [
            f"'{self._short(path)}' and '{self._short(listed)}' have one id, '{self.film_id(listed)}': rename or "
            "remove one of them; until then no label of it is taken."
            for path, listed in self.clashes()
        ]
        outside: list[str] = []
        broken: list[str] = []
        for path in self._walk():
            if path.is_symlink() and not self._is_inside(path):
                (outside if path.exists() else broken).append(self._short(path))
        if outside:
            sentences.append(
                f"Links that lead out of the folder are not followed ({named(outside, 3)}): copy the films, or serve "
                "the folder that they lie in."
            )
        if broken:
            sentences.append(f"Links that lead nowhere: {named(broken, 3)}.")
        return sentences

    def _short(self, path: Path) -> str:
        return str(path.relative_to(self.folder))

    def frame(self, film_id: str) -> ViewerFrame:
        """Return the frame in which a viewer opens a film. Raises UnknownFilmError, FilmError."""
        return _frame(self.film(film_id))

    def film(self, film_id: str) -> Path:
        """Return the file of a film. Raises UnknownFilmError."""
        try:
            return self.films()[film_id]
        except KeyError:
            raise _unknown_film(film_id) from None

    def add_film(self, film_id: str, path: Path, info: Mapping[str, Any] | None = None) -> Path:
        """Copy a film into the folder.

        Args:
            film_id: the id of the new film.
            path: the film; its suffix is kept.
            info: what to note about it, serialisable as JSON.
        Returns:
            The new file.
        Raises:
            LabelError: the id is not a valid file name, or the info cannot be written as JSON.
            FilmError: the file cannot be read as one film, has an unknown suffix, or has its pixels in another file.
            FileExistsError: the folder has a film with this id.
        """
        _check_name(film_id, "film id")
        suffixes = [suffix for suffix in FILM_SUFFIXES if path.name.lower().endswith(suffix)]
        target = self.folder / f"{film_id}{max(suffixes, key=len, default='')}"
        if not suffixes or film_name(target) != film_id or not looks_like_film(target):
            raise FilmError(
                f"Film '{film_id}': expected a file ending in one of {' '.join(FILM_SUFFIXES)}, got '{path.name}'."
            )
        try:
            # Checked before reading: an error about the bytes of another file would reveal them to the sender.
            if film_format(path) == "MetaImage" and not _holds_its_pixels(path):
                raise FilmError(f"{path}: its pixels are in another file; save it as one .mha file.")
            read_film_apart(path)
        except FilmError as error:
            raise FilmError(str(error).replace(str(path), f"Film '{film_id}'")) from error
        notes = _to_json(info or {})
        with self._lock():
            if film_id in self.films() or os.path.lexists(target):
                raise FileExistsError(f"There is a film '{film_id}' already; choose another id, or remove that film.")
            with durable_path(target) as temporary:
                shutil.copyfile(path, temporary)
            _write_notes(self._info_path(film_id), notes)
        return target

    def remove_film(self, film_id: str) -> None:
        """Delete a film, its labels and the notes about it, but not its history. Raises UnknownFilmError."""
        film = self.film(film_id)
        with self._lock():
            paths = [self._annotator_path(film_id, user) for user in self._users()]
            for tag in self.tags():
                paths += [self._label_path(film_id, tag), self._label_info_path(film_id, tag)]
            # The film last, so that an interrupted removal can be repeated.
            for path in [*paths, self._info_path(film_id), film]:
                path.unlink(missing_ok=True)

    # --- labels

    def tags(self) -> list[str]:
        """Return the tags of the labels."""
        return [tag for tag in _folders(self.folder / "labels") if tag not in _RESERVED_TAGS]

    def labels(self, tag: str = FINAL) -> dict[str, Path]:
        """Return film id -> label, for existing films. Raises LabelError if the tag is not a valid name."""
        return self._labels_in(self._tag_folder(tag), self.films())

    def annotators(self) -> dict[str, dict[str, Path]]:
        """Return user -> film id -> the user's last final label, for existing films."""
        films = self.films()
        by_user = {user: self._labels_in(self._annotator_folder(user), films) for user in self._users()}
        return {user: labels for user, labels in by_user.items() if labels}

    def label(self, film_id: str, tag: str = FINAL) -> Path:
        """Return the file of a film's label.

        Raises:
            UnknownLabelError: the film has no label with this tag.
            LabelError: the tag is not a valid name.
        """
        path = self._label_path(film_id, tag)
        if not self._is_inside(path):
            raise UnknownLabelError(f"Film '{film_id}' has no label with the tag '{tag}'.")
        return path

    def points_px(self, film_id: str, label: Path) -> np.ndarray:
        """Read the points of a film's label.

        Returns:
            (N, 2) float64, (x, y), film pixels; NaN where a landmark cannot be seen.
        Raises:
            UnknownFilmError, FilmError: there is no such film, or it cannot be read.
            LabelError: as :func:`~monai_ceph.data.label_check.read_label`, or the file cannot be opened.
        """
        return self._points_px(film_id, self.film(film_id), label)

    def items(self, tag: str = FINAL) -> list[dict[str, Any]]:
        """Return the labelled films as a training needs them.

        Returns:
            For each film ``{"image": path, "points_px": (N, 2), "film": id}``. A film whose label or header cannot be
            read is left out with a warning that names it.
        """
        films, items = self.films(), []
        for film_id, label in self._labels_in(self._tag_folder(tag), films).items():
            try:
                points_px = self._points_px(film_id, films[film_id], label)
            except (LabelError, FilmError) as error:
                warnings.warn(f"Film '{film_id}' is left out: {error}", stacklevel=2)
            else:
                items.append({"image": str(films[film_id]), "points_px": points_px, "film": film_id})
        return items

    def save(
        self,
        film_id: str,
        content: bytes,
        tag: str = FINAL,
        user: str = NOBODY,
        info: Mapping[str, Any] | None = None,
        *,
        replace: bool = True,
        check: Callable[[np.ndarray], None] | None = None,
    ) -> Path:
        """Save a label. When this returns, the label and its copy in the history are on the disk.

        Args:
            film_id: the film.
            content: the content of the .mrk.json file; see :func:`~monai_ceph.data.label_check.read_label`.
            tag: the kind of label; a final label is also saved as the annotator's.
            user: the annotator.
            info: what to note about it, serialisable as JSON.
            replace: whether a final label may replace that of another annotator. If not, it is saved only as this
                annotator's, and the film keeps the other label.
            check: called with the points (N, 2), film pixels; raises LabelError to refuse them.
        Returns:
            The file: the film's label, or the annotator's if the label of another annotator was kept.
        Raises:
            UnknownFilmError, FilmError: there is no such film, or it cannot be read.
            SameFilmError: there are two films with this id.
            LabelError: the label is refused, or the tag or user is not a valid name; nothing was changed.
        """
        film, path = self._only_film(film_id), self._label_path(film_id, tag)
        _check_name(user, "user", reserved=(FINAL,))
        points_px = read_label(content, _frame(film), self.scheme, f"The label of film '{film_id}'", film_id)
        if check is not None:
            check(points_px)
        notes = _to_json({**(info or {}), "user": user, "ts": int(time.time()), "checksum": _checksum(content)})
        with self._lock():
            _write(self._new_history_path(film_id, user, tag), content)
            if tag == FINAL:
                _write(self._annotator_path(film_id, user), content)
                if not replace and self._is_inside(path) and self.label_info(film_id, tag).get("user") != user:
                    return self._annotator_path(film_id, user)
            _write(path, content)
            _write_notes(self._label_info_path(film_id, tag), notes)
        return path

    def remove(self, film_id: str, tag: str) -> None:
        """Delete a label, a final one also as its annotator's, but not its history. Raises as :meth:`label`."""
        path = self.label(film_id, tag)
        with self._lock():
            user = self.label_info(film_id, tag).get("user")
            path.unlink(missing_ok=True)
            if tag == FINAL and user in self._users():
                self._annotator_path(film_id, user).unlink(missing_ok=True)
            self._label_info_path(film_id, tag).unlink(missing_ok=True)

    # --- what programs note

    def info(self, film_id: str) -> dict[str, Any]:
        """Return the notes about a film, empty if there are none. Raises UnknownFilmError if the id is not valid."""
        return _read_notes(self._info_path(film_id))

    def update_info(self, film_id: str, info: Mapping[str, Any]) -> None:
        """Add to the notes about a film.

        Raises:
            UnknownFilmError: there is no such film.
            LabelError: the info cannot be written as JSON.
        """
        self.film(film_id)
        with self._lock():
            _write_notes(self._info_path(film_id), _to_json({**self.info(film_id), **info}))

    def label_info(self, film_id: str, tag: str = FINAL) -> dict[str, Any]:
        """Return the notes about a label, with ``ts``, when it was saved, ``checksum`` and ``user``.

        A label that was not written by :meth:`save` has no user. Raises as :meth:`label`.
        """
        path = self.label(film_id, tag)
        notes, checksum = _read_notes(self._label_info_path(film_id, tag)), _checksum(path.read_bytes())
        current = notes if notes.get("checksum") == checksum else {}
        return {"ts": int(path.stat().st_mtime), "checksum": checksum, **current}

    def update_label_info(self, film_id: str, tag: str, info: Mapping[str, Any]) -> None:
        """Add to the notes about a label; ``user``, ``ts`` and ``checksum`` stay as they are.

        Raises as :meth:`label` and :meth:`update_info`.
        """
        with self._lock():
            before = self.label_info(film_id, tag)
            fixed: dict[str, Any] = {key: before[key] for key in ("user", "ts", "checksum") if key in before}
            _write_notes(self._label_info_path(film_id, tag), _to_json({**before, **info, **fixed}))

    # --- where things are

    def _only_film(self, film_id: str) -> Path:
        """Return the file of a film. Raises UnknownFilmError, or SameFilmError if another film has the same id."""
        films = [path for path in self._film_files() if self.film_id(path) == film_id]
        if not films:
            raise _unknown_film(film_id)
        if len(films) > 1:
            raise SameFilmError(
                f"There are {len(films)} films '{film_id}': {named([self._short(film) for film in films])}. Rename or "
                "remove all but one, and look at the film again."
            )
        return films[0]

    def _film_files(self) -> list[Path]:
        return [path for path in self._walk() if self._is_inside(path) and looks_like_film(path)]

    def _walk(self) -> Iterator[Path]:
        """Yield the files of the folder and its subfolders, by name, except hidden ones and labels."""
        for folder, folders, names in os.walk(self.folder):
            top = Path(folder) == self.folder
            folders[:] = sorted(name for name in folders if _is_listed(name) and not (top and name == "labels"))
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            yield from (Path(folder, name) for name in sorted([*names, *links]) if _is_listed(name))

    def _files(self, folder: Path) -> list[Path]:
        """Return the files of a folder, by name, except hidden ones and links that lead out of the film folder."""
        try:
            names = sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [folder / name for name in names if _is_listed(name) and self._is_inside(folder / name)]

    def _is_inside(self, path: Path) -> bool:
        """Return whether a path is a file and, if it is a link, leads to a file in the folder."""
        if path.is_symlink():
            return path.is_file() and path.resolve().is_relative_to(self.folder)
        return path.is_file()

    def _labels_in(self, folder: Path, films: Mapping[str, Path]) -> dict[str, Path]:
        files = {path.name.removesuffix(LABEL_SUFFIX): path for path in self._files(folder)}
        return {film_id: path for film_id, path in files.items() if film_id in films and path.name != film_id}

    def _points_px(self, film_id: str, film: Path, label: Path) -> np.ndarray:
        where = f"The label of film '{film_id}', {label}"
        try:
            with label.open("rb") as file:
                content = file.read(LARGEST_BYTES + 1)
        except OSError as error:
            raise LabelError(f"{where}: it cannot be opened ({error.strerror}).") from error
        return read_label(content, _frame(film), self.scheme, where, film_id)

    def _tag_folder(self, tag: str) -> Path:
        return self.folder / "labels" / _check_name(tag, "tag", reserved=_RESERVED_TAGS)

    def _label_path(self, film_id: str, tag: str) -> Path:
        return self._tag_folder(tag) / f"{_file_name(film_id)}{LABEL_SUFFIX}"

    def _users(self) -> list[str]:
        return _folders(self.folder / "labels" / "annotators")

    def _annotator_folder(self, user: str) -> Path:
        return self.folder / "labels" / "annotators" / user

    def _annotator_path(self, film_id: str, user: str) -> Path:
        return self._annotator_folder(user) / f"{_file_name(film_id)}{LABEL_SUFFIX}"

    def _new_history_path(self, film_id: str, user: str, tag: str) -> Path:
        while True:  # the clock may be set back or have a low resolution
            now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
            path = self.folder / "labels" / "history" / _file_name(film_id) / f"{now}_{user}_{tag}{LABEL_SUFFIX}"
            if not path.exists():
                return path

    def _info_path(self, film_id: str) -> Path:
        return self.state / "info" / f"{_file_name(film_id)}.json"

    def _label_info_path(self, film_id: str, tag: str) -> Path:
        return self.state / "label_info" / tag / f"{_file_name(film_id)}.json"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one thread of one process at a time change the folder; the end of a process releases its lock."""
        self.state.mkdir(exist_ok=True)
        with FileLock(self.state / "lock", poll_interval=0.005):
            yield


def _frame(film: Path) -> ViewerFrame:
    """Return the frame of a film, cached until its file changes, so that labels need not wait for the film reader."""
    try:
        state = film.stat()
    except FileNotFoundError:  # removed meanwhile; the reader raises the error
        return viewer_frame_apart(film)
    return _frame_of(film, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _frame_of(film: Path, size: int, mtime_ns: int) -> ViewerFrame:
    return viewer_frame_apart(film)


def _unknown_film(film_id: Any) -> UnknownFilmError:
    return UnknownFilmError(f"There is no film {shown(film_id)} in the folder.")


def _is_listed(name: str) -> bool:
    """Return whether a file of this name is listed: not hidden, no path, and printable in JSON."""
    return bool(name) and not name.startswith(".") and not _NOT_IN_NAMES.search(name)


def _is_valid_name(name: str) -> bool:
    """Return whether a film, a tag or a user can have this name."""
    return _is_listed(name) and name == name.strip() and len(name.encode()) <= _LONGEST_NAME


def _file_name(film_id: str) -> str:
    """Return a film's id if it can be a file name. Raises UnknownFilmError."""
    if not isinstance(film_id, str) or not _is_listed(film_id):
        raise _unknown_film(film_id)
    return film_id


def _check_name(name: str, kind: str, reserved: tuple[str, ...] = ()) -> str:
    """Return a film's id, tag or user if files can be named after it. Raises LabelError."""
    if not isinstance(name, str) or not _is_valid_name(name):
        raise LabelError(
            f"Expected a plain name as {kind}, of at most {_LONGEST_NAME} bytes, without slashes and without a dot at "
            f"its start, got {shown(name)}."
        )
    if name in reserved:
        raise LabelError(f"The {kind} cannot be '{name}', which has a meaning of its own here; choose another.")
    return name


def _folders(folder: Path) -> list[str]:
    """Return the names of the subfolders that can be tags or users."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and _is_valid_name(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _holds_its_pixels(path: Path) -> bool:
    """Return whether a MetaImage names no other file, wherever its header ends."""
    content = path.read_bytes()
    local = re.findall(rb"ElementDataFile\s*[=:]\s*LOCAL\s", content, re.IGNORECASE)
    return bool(local) and len(local) == len(re.findall(rb"ElementDataFile", content, re.IGNORECASE))


def _checksum(content: bytes) -> str:
    return f"SHA256:{hashlib.sha256(content).hexdigest()}"


def _write(path: Path, content: bytes) -> None:
    with durable_path(path) as temporary:
        temporary.write_bytes(content)


def _to_json(info: Mapping[str, Any]) -> bytes:
    """Return info as strict JSON in UTF-8, without NaN. Raises LabelError."""
    try:
        content = json.dumps(info, ensure_ascii=False, allow_nan=False, indent=2, default=str).encode()
    except (ValueError, RecursionError, TypeError) as error:
        raise LabelError(f"The notes cannot be written as JSON ({error}).") from error
    if len(content) > LARGEST_BYTES:
        raise LabelSizeError(f"The notes are larger than {LARGEST_BYTES / 1e6:g} MB; shorten them.")
    return content


def _write_notes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _read_notes(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):  # no notes yet, or damaged; nothing depends on them
        return {}
    return content if isinstance(content, dict) else {}
