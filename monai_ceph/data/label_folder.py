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
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from monai_ceph.atomic import durable_path
from monai_ceph.data.film_folder import FilmFolder, check_id, film_frame
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_upload import upload_name
from monai_ceph.data.label_check import LARGEST_BYTES, LabelError, read_label
from monai_ceph.data.label_notes import notes_json, read_notes, write_notes
from monai_ceph.data.plain_names import check_name, is_plain_name
from monai_ceph.film_records import STATE_FOLDER
from monai_ceph.landmarks import ISBI19, LandmarkScheme

FINAL = "final"
NOBODY = "unknown"
LABEL_SUFFIX = ".mrk.json"
_RESERVED_TAGS = ("annotators", "history")


class UnknownLabelError(LookupError):
    """A film has no label of this tag."""


class LabelFolder(FilmFolder):
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
        super().__init__(folder)
        self.scheme = scheme

    @property
    def state(self) -> Path:
        """The folder for what programs note about films and labels."""
        return self.folder / STATE_FOLDER

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
        target = self.folder / upload_name(film_id, path)
        notes = notes_json(info or {})
        with self._lock():
            if film_id in self.films() or os.path.lexists(target):
                raise FileExistsError(f"There is a film '{film_id}' already; choose another id, or remove that film.")
            with durable_path(target) as temporary:
                shutil.copyfile(path, temporary)
            write_notes(self._info_path(film_id), notes)
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
        film, path = self.only_film(film_id), self._label_path(film_id, tag)
        check_name(user, "user", reserved=(FINAL,))
        points_px = read_label(content, film_frame(film), self.scheme, f"The label of film '{film_id}'", film_id)
        if check is not None:
            check(points_px)
        notes = notes_json({**(info or {}), "user": user, "ts": int(time.time()), "checksum": _checksum(content)})
        with self._lock():
            _write(self._new_history_path(film_id, user, tag), content)
            if tag == FINAL:
                _write(self._annotator_path(film_id, user), content)
                if not replace and self._is_inside(path) and self.label_info(film_id, tag).get("user") != user:
                    return self._annotator_path(film_id, user)
            _write(path, content)
            write_notes(self._label_info_path(film_id, tag), notes)
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
        return read_notes(self._info_path(film_id))

    def update_info(self, film_id: str, info: Mapping[str, Any]) -> None:
        """Add to the notes about a film.

        Raises:
            UnknownFilmError: there is no such film.
            LabelError: the info cannot be written as JSON.
        """
        self.film(film_id)
        with self._lock():
            write_notes(self._info_path(film_id), notes_json({**self.info(film_id), **info}))

    def label_info(self, film_id: str, tag: str = FINAL) -> dict[str, Any]:
        """Return the notes about a label, with ``ts``, when it was saved, ``checksum`` and ``user``.

        A label that was not written by :meth:`save` has no user. Raises as :meth:`label`.
        """
        path = self.label(film_id, tag)
        notes, checksum = read_notes(self._label_info_path(film_id, tag)), _checksum(path.read_bytes())
        current = notes if notes.get("checksum") == checksum else {}
        return {"ts": int(path.stat().st_mtime), "checksum": checksum, **current}

    def update_label_info(self, film_id: str, tag: str, info: Mapping[str, Any]) -> None:
        """Add to the notes about a label; ``user``, ``ts`` and ``checksum`` stay as they are.

        Raises as :meth:`label` and :meth:`update_info`.
        """
        with self._lock():
            before = self.label_info(film_id, tag)
            fixed: dict[str, Any] = {key: before[key] for key in ("user", "ts", "checksum") if key in before}
            write_notes(self._label_info_path(film_id, tag), notes_json({**before, **info, **fixed}))

    # --- where things are

    def _labels_in(self, folder: Path, films: Mapping[str, Path]) -> dict[str, Path]:
        """Return film id -> label, by name, except links that lead out of the film folder."""
        try:
            names = sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        labels = {name.removesuffix(LABEL_SUFFIX): folder / name for name in names if name.endswith(LABEL_SUFFIX)}
        return {film_id: path for film_id, path in labels.items() if film_id in films and self._is_inside(path)}

    def _points_px(self, film_id: str, film: Path, label: Path) -> np.ndarray:
        where = f"The label of film '{film_id}', {label}"
        try:
            with label.open("rb") as file:
                content = file.read(LARGEST_BYTES + 1)
        except OSError as error:
            raise LabelError(f"{where}: it cannot be opened ({error.strerror}).") from error
        return read_label(content, film_frame(film), self.scheme, where, film_id)

    def _tag_folder(self, tag: str) -> Path:
        return self.folder / "labels" / check_name(tag, "tag", reserved=_RESERVED_TAGS)

    def _label_path(self, film_id: str, tag: str) -> Path:
        return self._tag_folder(tag) / f"{check_id(film_id)}{LABEL_SUFFIX}"

    def _users(self) -> list[str]:
        return _folders(self.folder / "labels" / "annotators")

    def _annotator_folder(self, user: str) -> Path:
        return self.folder / "labels" / "annotators" / user

    def _annotator_path(self, film_id: str, user: str) -> Path:
        return self._annotator_folder(user) / f"{check_id(film_id)}{LABEL_SUFFIX}"

    def _new_history_path(self, film_id: str, user: str, tag: str) -> Path:
        while True:  # the clock may be set back or have a low resolution
            now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
            path = self.folder / "labels" / "history" / check_id(film_id) / f"{now}_{user}_{tag}{LABEL_SUFFIX}"
            if not path.exists():
                return path

    def _info_path(self, film_id: str) -> Path:
        return self.state / "info" / f"{check_id(film_id)}.json"

    def _label_info_path(self, film_id: str, tag: str) -> Path:
        return self.state / "label_info" / tag / f"{check_id(film_id)}.json"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one thread of one process at a time change the folder; the end of a process releases its lock."""
        self.state.mkdir(exist_ok=True)
        with FileLock(self.state / "lock", poll_interval=0.005):
            yield


def _folders(folder: Path) -> list[str]:
    """Return the names of the subfolders that can be tags or users."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and is_plain_name(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _checksum(content: bytes) -> str:
    return f"SHA256:{hashlib.sha256(content).hexdigest()}"


def _write(path: Path, content: bytes) -> None:
    with durable_path(path) as temporary:
        temporary.write_bytes(content)
