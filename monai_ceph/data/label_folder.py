"""A folder of films under annotation: films, the labels that people and models made, and who made them.

    FOLDER/film.png ...                              the films; a film's id is its name without suffix
    FOLDER/patient/film.png ...                      films in folders; their ids are patient__film
    FOLDER/labels/final/<id>.mrk.json                the last label of a film that somebody called final
    FOLDER/labels/<tag>/<id>.mrk.json                other labels, such as "original", what the model proposed
    FOLDER/labels/annotators/<user>/<id>.mrk.json    each annotator's last final label
    FOLDER/labels/history/<id>/<UTC time>_<user>_<tag>.mrk.json    every label that was ever taken
    FOLDER/.monai_ceph/                              what programs note beside

The files are the truth: nothing is kept in memory, so files may come and go, and several processes may work on a folder
at once. A label is in the history and on the disk before it is anywhere else; nothing here deletes from the history.
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
    """Two films have one id, so nobody knows which of them a label is of."""


class LabelFolder:
    """Films of a folder and their labels.

    Args:
        folder: the folder; films are in it, or in folders in it.
        scheme: what the points are.
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
        """Where programs note what is neither a film nor a label."""
        return self.folder / STATE_FOLDER

    # --- films

    def films(self) -> dict[str, Path]:
        """Film id -> file, by name: what is there now.

        Files count as in :func:`~monai_ceph.data.film.find_films`; hidden ones and links that lead out of the folder do
        not. Of several films of one id the first by file name counts.
        """
        films: dict[str, Path] = {}
        for path in self._film_files():
            films.setdefault(self.film_id(path), path)
        return films

    def film_id(self, path: Path) -> str:
        """Return the id of a film of this folder: its name without suffix, after the folders that it lies in."""
        return INSIDE.join((*path.relative_to(self.folder).parts[:-1], film_name(path)))

    def clashes(self) -> list[tuple[Path, Path]]:
        """(film, the film of the same id before it), for each film that is not listed for that reason."""
        first: dict[str, Path] = {}
        pairs = [(path, first.setdefault(self.film_id(path), path)) for path in self._film_files()]
        return [(path, before) for path, before in pairs if path != before]

    def problems(self) -> list[str]:
        """Return what is in the folder, may be meant as a film and cannot be served: one sentence for each reason."""
        sentences = [
            f"'{self._short(path)}' and '{self._short(first)}' have one id, '{self.film_id(first)}': rename or remove "
            "one of them; until then no label of it is taken."
            for path, first in self.clashes()
        ]
        out: list[str] = []
        broken: list[str] = []
        for path in self._walk():
            if path.is_symlink() and not self._is_ours(path):
                (out if path.exists() else broken).append(self._short(path))
        if out:
            sentences.append(
                f"Links that lead out of the folder are not followed ({named(out, 3)}): copy the films, or serve the "
                "folder that they lie in."
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
        """The file of a film. Raises UnknownFilmError."""
        try:
            return self.films()[film_id]
        except KeyError:
            raise _unknown_film(film_id) from None

    def add_film(self, film_id: str, path: Path, info: Mapping[str, Any] | None = None) -> Path:
        """Copies a film into the folder.

        Args:
            film_id: what to call it.
            path: the film; its suffix is kept.
            info: what to note of it, ready for JSON.
        Returns:
            The new file.
        Raises:
            LabelError: the id is no plain name, or the info no JSON.
            FilmError: not readable as one film, of an unknown suffix, or with its pixels in another file.
            FileExistsError: there is a film of this id.
        """
        _check_name(film_id, "film id")
        suffixes = [suffix for suffix in FILM_SUFFIXES if path.name.lower().endswith(suffix)]
        target = self.folder / f"{film_id}{max(suffixes, key=len, default='')}"
        if not suffixes or film_name(target) != film_id or not looks_like_film(target):
            raise FilmError(
                f"Film '{film_id}': expected a file ending in one of {' '.join(FILM_SUFFIXES)}, got '{path.name}'."
            )
        try:
            # First of all: what is wrong with another file's bytes is not for the sender to know.
            if film_format(path) == "MetaImage" and not _holds_its_pixels(path):
                raise FilmError(f"{path}: its pixels are in another file; save it as one .mha file.")
            read_film_apart(path)
        except FilmError as error:
            raise FilmError(str(error).replace(str(path), f"Film '{film_id}'")) from error
        noted = _packed(info or {})
        with self._alone():
            if film_id in self.films() or os.path.lexists(target):
                raise FileExistsError(f"There is a film '{film_id}' already; choose another id, or remove that film.")
            with durable_path(target) as temporary:
                shutil.copyfile(path, temporary)
            _note(self._info_path(film_id), noted)
        return target

    def remove_film(self, film_id: str) -> None:
        """Deletes a film, its labels and what is noted of it; its history stays. Raises UnknownFilmError."""
        film = self.film(film_id)
        with self._alone():
            everything = [self._annotator_path(film_id, user) for user in self._users()]
            for tag in self.tags():
                everything += [self._label_path(film_id, tag), self._label_info_path(film_id, tag)]
            # The film last: should this be stopped half way, it can be done again.
            for path in [*everything, self._info_path(film_id), film]:
                path.unlink(missing_ok=True)

    # --- labels

    def tags(self) -> list[str]:
        """The tags that labels have."""
        return [tag for tag in _folders(self.folder / "labels") if tag not in _RESERVED_TAGS]

    def labels(self, tag: str = FINAL) -> dict[str, Path]:
        """Film id -> label, of the films that are there. Raises LabelError if the tag is no plain name."""
        return self._labels_in(self._tag_folder(tag), self.films())

    def annotators(self) -> dict[str, dict[str, Path]]:
        """User -> film id -> the user's last final label, of the films that are there."""
        films = self.films()
        labels = {user: self._labels_in(self._annotator_folder(user), films) for user in self._users()}
        return {user: found for user, found in labels.items() if found}

    def label(self, film_id: str, tag: str = FINAL) -> Path:
        """The label of a film.

        Raises:
            UnknownLabelError: it has none of this tag.
            LabelError: the tag is no plain name.
        """
        path = self._label_path(film_id, tag)
        if not self._is_ours(path):
            raise UnknownLabelError(f"Film '{film_id}' has no label with the tag '{tag}'.")
        return path

    def points_px(self, film_id: str, label: Path) -> np.ndarray:
        """(N, 2) float64, (x, y), film pixels, out of a label of a film; NaN where a landmark cannot be seen.

        Raises:
            UnknownFilmError, FilmError: there is no such film, or it cannot be read.
            LabelError: as :func:`~monai_ceph.data.label_check.read_label`, or the file cannot be opened.
        """
        return self._points_px(film_id, self.film(film_id), label)

    def items(self, tag: str = FINAL) -> list[dict[str, Any]]:
        """What a training needs of the labelled films.

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
        """Takes a label. When this returns, the label is on the disk, and in the history for good.

        Args:
            film_id: the film.
            content: what the .mrk.json holds; see :func:`~monai_ceph.data.label_check.read_label`.
            tag: what kind of label it is; a final one counts as the annotator's as well.
            user: who made it.
            info: what to note beside it, ready for JSON.
            replace: whether a final label may replace that of another annotator. If not, it is kept as this
                annotator's, and the other one stays the film's.
            check: called with the points (N, 2), film pixels; raises LabelError to refuse them.
        Returns:
            Its file: the film's label, or this annotator's where another annotator's was not to be replaced.
        Raises:
            UnknownFilmError, FilmError: there is no such film, or it cannot be read.
            SameFilmError: there are two films of this id.
            LabelError: the label cannot be taken, or tag or user is no plain name; nothing was changed.
        """
        film, path = self._only_film(film_id), self._label_path(film_id, tag)
        _check_name(user, "user", reserved=(FINAL,))
        points_px = read_label(content, _frame(film), self.scheme, f"The label of film '{film_id}'", film_id)
        if check is not None:
            check(points_px)
        noted = _packed({**(info or {}), "user": user, "ts": int(time.time()), "checksum": _checksum(content)})
        with self._alone():
            _write(self._new_history_path(film_id, user, tag), content)
            if tag == FINAL:
                _write(self._annotator_path(film_id, user), content)
                if not replace and self._is_ours(path) and self.label_info(film_id, tag).get("user") != user:
                    return self._annotator_path(film_id, user)
            _write(path, content)
            _note(self._label_info_path(film_id, tag), noted)
        return path

    def remove(self, film_id: str, tag: str) -> None:
        """Deletes a label; a final one as its annotator's as well. Its history stays. Raises as :meth:`label`."""
        path = self.label(film_id, tag)
        with self._alone():
            user = self.label_info(film_id, tag).get("user")
            path.unlink(missing_ok=True)
            if tag == FINAL and user in self._users():
                self._annotator_path(film_id, user).unlink(missing_ok=True)
            self._label_info_path(film_id, tag).unlink(missing_ok=True)

    # --- what programs note

    def info(self, film_id: str) -> dict[str, Any]:
        """What was noted of a film; empty if nothing was. Raises UnknownFilmError if no film can have this id."""
        return _noted(self._info_path(film_id))

    def update_info(self, film_id: str, info: Mapping[str, Any]) -> None:
        """Notes something of a film beside what was noted before.

        Raises:
            UnknownFilmError: there is no such film.
            LabelError: it cannot be written as JSON.
        """
        self.film(film_id)
        with self._alone():
            _note(self._info_path(film_id), _packed({**self.info(film_id), **info}))

    def label_info(self, film_id: str, tag: str = FINAL) -> dict[str, Any]:
        """What is known of a label: ``ts``, when it was saved; ``checksum``; who was the ``user``, and what was noted.

        A label that came into the folder in another way than :meth:`save` has no user. Raises as :meth:`label`.
        """
        path = self.label(film_id, tag)
        noted, checksum = _noted(self._label_info_path(film_id, tag)), _checksum(path.read_bytes())
        own = noted if noted.get("checksum") == checksum else {}
        return {"ts": int(path.stat().st_mtime), "checksum": checksum, **own}

    def update_label_info(self, film_id: str, tag: str, info: Mapping[str, Any]) -> None:
        """Notes something of a label beside what was noted before, but nothing else about who made it, and when.

        Raises as :meth:`label` and :meth:`update_info`.
        """
        with self._alone():
            before = self.label_info(film_id, tag)
            kept: dict[str, Any] = {key: before[key] for key in ("user", "ts", "checksum") if key in before}
            _note(self._label_info_path(film_id, tag), _packed({**before, **info, **kept}))

    # --- where things are

    def _only_film(self, film_id: str) -> Path:
        """The file of a film. Raises UnknownFilmError, or SameFilmError if there is another film of its id."""
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
        return [path for path in self._walk() if self._is_ours(path) and looks_like_film(path)]

    def _walk(self) -> Iterator[Path]:
        """The files in the folder and in folders in it, by name. Hidden ones and those of labels are passed over."""
        for folder, folders, names in os.walk(self.folder):
            top = Path(folder) == self.folder
            folders[:] = sorted(name for name in folders if _is_plain(name) and not (top and name == "labels"))
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            yield from (Path(folder, name) for name in sorted([*names, *links]) if _is_plain(name))

    def _files(self, folder: Path) -> list[Path]:
        """The folder's files that count, by name."""
        try:
            names = sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [folder / name for name in names if _is_plain(name) and self._is_ours(folder / name)]

    def _is_ours(self, path: Path) -> bool:
        """Whether a path is a file, and if it is a link, one to a file in the folder."""
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
        while True:  # a clock may be set back, or be a coarse one
            now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
            path = self.folder / "labels" / "history" / _file_name(film_id) / f"{now}_{user}_{tag}{LABEL_SUFFIX}"
            if not path.exists():
                return path

    def _info_path(self, film_id: str) -> Path:
        return self.state / "info" / f"{_file_name(film_id)}.json"

    def _label_info_path(self, film_id: str, tag: str) -> Path:
        return self.state / "label_info" / tag / f"{_file_name(film_id)}.json"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Lets one thread of one process at a time change the folder; whoever is killed lets go."""
        self.state.mkdir(exist_ok=True)
        with FileLock(self.state / "lock", poll_interval=0.005):
            yield


def _frame(film: Path) -> ViewerFrame:
    """The frame of a film, read once for each state of its file: a label is not to wait for the reading of films."""
    try:
        state = film.stat()
    except FileNotFoundError:  # removed meanwhile: the reader says so
        return viewer_frame_apart(film)
    return _frame_of(film, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _frame_of(film: Path, size: int, mtime_ns: int) -> ViewerFrame:
    return viewer_frame_apart(film)


def _unknown_film(film_id: Any) -> UnknownFilmError:
    return UnknownFilmError(f"There is no film {shown(film_id)} in the folder.")


def _is_plain(name: str) -> bool:
    """Whether a name is one of a file in a folder, not hidden, that an answer in JSON can hold."""
    return bool(name) and not name.startswith(".") and not _NOT_IN_NAMES.search(name)


def _is_name(name: str) -> bool:
    """Whether a name can be given to a film, a tag or a user."""
    return _is_plain(name) and name == name.strip() and len(name.encode()) <= _LONGEST_NAME


def _file_name(film_id: str) -> str:
    """A film's id, if it can be one. Raises UnknownFilmError."""
    if not isinstance(film_id, str) or not _is_plain(film_id):
        raise _unknown_film(film_id)
    return film_id


def _check_name(name: str, what: str, reserved: tuple[str, ...] = ()) -> str:
    """A name that files are to be called by. Raises LabelError."""
    if not isinstance(name, str) or not _is_name(name):
        raise LabelError(
            f"Expected a plain name as {what}, of at most {_LONGEST_NAME} bytes, without slashes and without a dot at "
            f"its start, got {shown(name)}."
        )
    if name in reserved:
        raise LabelError(f"The {what} cannot be '{name}', which has a meaning of its own here; choose another.")
    return name


def _folders(folder: Path) -> list[str]:
    """The folders in a folder whose names can be tags or users."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and _is_name(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _holds_its_pixels(path: Path) -> bool:
    """Whether a MetaImage names no other file, wherever its header ends."""
    content = path.read_bytes()
    local = re.findall(rb"ElementDataFile\s*[=:]\s*LOCAL\s", content, re.IGNORECASE)
    return bool(local) and len(local) == len(re.findall(rb"ElementDataFile", content, re.IGNORECASE))


def _checksum(content: bytes) -> str:
    return f"SHA256:{hashlib.sha256(content).hexdigest()}"


def _write(path: Path, content: bytes) -> None:
    with durable_path(path) as temporary:
        temporary.write_bytes(content)


def _packed(info: Mapping[str, Any]) -> bytes:
    """JSON that any program can read and any answer can hold: in UTF-8, and without NaN."""
    try:
        content = json.dumps(info, ensure_ascii=False, allow_nan=False, indent=2, default=str).encode()
    except (ValueError, RecursionError, TypeError) as error:
        raise LabelError(f"What is to be noted cannot be written as JSON ({error}).") from error
    if len(content) > LARGEST_BYTES:
        raise LabelSizeError(f"What is to be noted is larger than {LARGEST_BYTES / 1e6:g} MB; note less.")
    return content


def _note(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _noted(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):  # nothing yet, or damaged by hand: notes can be done without
        return {}
    return content if isinstance(content, dict) else {}
