"""A :class:`~monai_ceph.data.label_folder.LabelFolder` as a MONAI Label datastore."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import HTTPException
from monailabel.interfaces.datastore import Datastore, DefaultLabelTag

from monai_ceph.atomic import atomic_path
from monai_ceph.data.film_folder import SameFilmError, UnknownFilmError
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.label_check import LARGEST_BYTES, LabelError, LabelSizeError, check_screen, from_labelme
from monai_ceph.data.label_folder import FINAL, LABEL_SUFFIX, NOBODY, LabelFolder, UnknownLabelError
from monai_ceph.data.label_plausibility import ImplausibleLabelError
from monai_ceph.film_names import FILM_SUFFIXES, film_suffix
from monai_ceph.formats.landmark_table import landmarks_csv_text
from monai_ceph.formats.markups import markups_text
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction, annotated
from monai_ceph.wording import count

logger = logging.getLogger(__name__)

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
"""User that the request's token names; None without authentication. Labels are stored under this name only."""

_STATUS: dict[type[Exception], int] = {
    UnknownFilmError: 404,
    UnknownLabelError: 404,
    FileExistsError: 409,
    SameFilmError: 409,
    ImplausibleLabelError: 409,
    LabelSizeError: 413,
    LabelError: 400,
    FilmError: 400,
}


@contextmanager
def _answers() -> Iterator[None]:
    """Turn the folder's errors into HTTP errors: a status and the message."""
    try:
        yield
    except tuple(_STATUS) as error:
        status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
        raise HTTPException(status, str(error)) from error


class FilmStore(Datastore):
    """Serve films and labels to MONAI Label's endpoints; a label has the id of its film.

    All state is in the folder. Errors become HTTPException: 404 unknown film or label, 400 invalid label, id, tag or
    user, 409 the film exists or exists twice, or the label is implausible, 413 too large.

    Args:
        folder: the films.
        check: called with a film's id and a label's points (N, 2) in film pixels; raises
            :class:`~monai_ceph.data.label_plausibility.ImplausibleLabelError` to refuse them. None checks nothing.
    """

    def __init__(self, folder: LabelFolder, check: Callable[[str, np.ndarray], None] | None = None) -> None:
        self.folder, self.check = folder, check
        self._name = folder.folder.name
        self._description = f"Films in {folder.folder}"

    # --- the store

    def name(self) -> str:
        return self._name

    def set_name(self, name: str) -> None:
        self._name = name

    def description(self) -> str:
        return self._description

    def set_description(self, description: str) -> None:
        self._description = description

    def refresh(self) -> None:
        """Do nothing: the files are read on every request."""

    def status(self) -> dict[str, Any]:
        return self._status(self.list_images())

    def _status(self, films: Sequence[str]) -> dict[str, Any]:
        labels = self._labels()
        return {
            "total": len(films),
            "completed": len(labels.get(FINAL, ())),
            "label_tags": {tag: len(films) for tag, films in labels.items()},
        }

    def json(self) -> dict[str, Any]:
        """Return all films and labels with their info, in the layout that clients of MONAI Label expect."""
        objects: dict[str, dict[str, Any]] = {}
        for film_id, path in self.folder.films().items():
            image = {"ext": film_suffix(path), "info": self._image_info(film_id, path)}
            objects[film_id] = {"image": image, "labels": {}}
        for tag, labels in self._labels().items():
            for film_id in labels.keys() & objects.keys():
                try:
                    info = self.get_label_info(film_id, tag)
                except (HTTPException, FileNotFoundError):  # removed meanwhile
                    continue
                objects[film_id]["labels"][tag] = {"ext": LABEL_SUFFIX, "info": info}
        return {
            "name": self._name,
            "description": self._description,
            "images_dir": ".",
            "labels_dir": "labels",
            "objects": objects,
        }

    def datalist(self) -> list[dict[str, Any]]:
        films = self.folder.films()
        labels = self.folder.labels()
        return [{"image": str(films[i]), "label": str(path)} for i, path in labels.items() if i in films]

    # --- films

    def list_images(self) -> list[str]:
        return list(self.folder.films())

    def get_labeled_images(self, label_tag: str | None = None, labels: Sequence[str] | None = None) -> list[str]:
        """Return the films with a final label. As in MONAI Label's own store, the arguments are ignored."""
        return list(self.folder.labels())

    def get_unlabeled_images(self, label_tag: str | None = None, labels: Sequence[str] | None = None) -> list[str]:
        """Return the films without a final label."""
        final = self.folder.labels()
        return [film_id for film_id in self.list_images() if film_id not in final]

    def get_image(self, image_id: str, params: Any = None) -> io.BytesIO | None:
        return _content(self.get_image_uri(image_id))

    def get_image_uri(self, image_id: str) -> str:
        """Return the path of a film's file; empty if unknown, which MONAI Label's endpoint answers with 404."""
        try:
            return str(self.folder.film(image_id))
        except UnknownFilmError:
            return ""

    @_answers()
    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return a film's info without its path.

        With the path, a viewer on this machine would open the file in place and might load its neighbours as slices of
        one volume, see :func:`_download_name`.
        """
        path = self.folder.film(image_id)
        info = self._image_info(image_id, path)
        return info | {"name": _download_name(image_id, info["name"], path), "path": ""}

    @_answers()
    def update_image_info(self, image_id: str, info: Mapping[str, Any]) -> None:
        self.folder.update_info(image_id, _mapping(info))

    @_answers()
    def add_image(self, image_id: str, image_filename: str, image_info: Mapping[str, Any]) -> str:
        self.folder.add_film(image_id, Path(image_filename), _mapping(image_info))
        return image_id

    @_answers()
    def remove_image(self, image_id: str) -> None:
        self.folder.remove_film(image_id)

    # --- labels

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: Mapping[str, Any]) -> str:
        """Save the label in a file, whatever its suffix, as :meth:`save` does, and return its id."""
        with open(label_filename, "rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        self.save(image_id, content, label_tag, label_info)
        return image_id

    @_answers()
    def save(
        self,
        image_id: str,
        content: bytes,
        label_tag: str,
        label_info: Mapping[str, Any],
        options: Mapping[str, bool] | None = None,
    ) -> dict[str, Any]:
        """Save a label.

        Args:
            image_id: the film.
            content: of the .mrk.json, or of a file that labelme wrote.
            label_tag: "final", "original", ...
            label_info: ``user`` or ``client_id``, the annotator, unless a token names one; ``screen``, how the viewer
                shows the film, is checked; ``force`` and ``replace`` as in ``options``; everything else is stored with
                the label.
            options: ``force`` saves an implausible label, ``replace`` replaces another annotator's final label.
        Returns:
            ``saved``, a sentence for the annotator, and ``final``, whether this is the film's final label now.
        """
        info = _mapping(label_info)
        options = {key: info.pop(key, False) is True for key in ("force", "replace")} | dict(options or {})
        if (screen := info.pop("screen", None)) is not None:
            check_screen(screen, self.folder.frame(image_id), image_id)
        user = current_user.get() or info.get("user") or info.get("client_id") or NOBODY
        content, placed = self._markups(image_id, content), 0

        def check(points_px: np.ndarray) -> None:
            nonlocal placed
            placed = int(np.isfinite(points_px).all(-1).sum())
            if self.check is not None and label_tag != DefaultLabelTag.ORIGINAL.value and not options["force"]:
                self.check(image_id, points_px)

        path = self.folder.save(image_id, content, label_tag, user, info, replace=options["replace"], check=check)
        logger.info("Label of %r by %r, tag %r: %s", image_id, user, label_tag, path)
        is_final = path.parent.name == FINAL
        if is_final:
            how = f"as {user}'s final label."
        elif label_tag != FINAL:
            how = f"with the tag '{label_tag}'."
        else:
            other = self.folder.label_info(image_id).get("user") or "somebody"
            how = f"as {user}'s. The film's final label is still {other}'s; send with replace=true to replace it."
        return {"final": is_final, "saved": f"{count(placed, 'landmark')} of '{image_id}' are saved {how}"}

    def _markups(self, film_id: str, content: bytes) -> bytes:
        """Return a label as it was sent, or if it is labelme's, as markups."""
        film = self.folder.film(film_id)
        frame = self.folder.frame(film_id)
        points_px = from_labelme(content, frame, self.folder.scheme, film, f"The label of film '{film_id}'")
        if points_px is None:
            return content
        return markups_text(film_points(film_id, film, self.folder.scheme, points_px), frame).encode()

    @_answers()
    def remove_label(self, label_id: str, label_tag: str) -> None:
        self.folder.remove(label_id, label_tag)

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        return {tag: image_id for tag, labels in self._labels().items() if image_id in labels}

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        return self.get_labels_by_image_id(image_id).get(tag, "")

    def get_label(self, label_id: str, label_tag: str, params: Any = None) -> io.BytesIO | None:
        return _content(self.get_label_uri(label_id, label_tag))

    @_answers()
    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """Return the path of a label's file; empty if there is none, which MONAI Label's endpoint answers with 404."""
        try:
            return str(self.folder.label(label_id, label_tag))
        except (UnknownFilmError, UnknownLabelError):
            return ""

    @_answers()
    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        return {**self.folder.label_info(label_id, label_tag), "name": f"{label_id}{LABEL_SUFFIX}"}

    @_answers()
    def update_label_info(self, label_id: str, label_tag: str, info: Mapping[str, Any]) -> None:
        self.folder.update_label_info(label_id, label_tag, _mapping(info))

    # --- the data set

    @_answers()
    def get_dataset_archive(self, limit_cases: int | None = None) -> str:
        """Write a ZIP of the films with a final label, the labels, and ``landmarks.csv`` with all points in pixels.

        Args:
            limit_cases: maximum number of films.
        Returns:
            The path of the ZIP file.
        Raises:
            HTTPException: 404, no film has a final label that can be read.
        """
        items = self.folder.items()
        items = items[:limit_cases] if limit_cases and limit_cases > 0 else items
        if not items:
            raise HTTPException(404, "No film has a final label yet.")
        rows = [film_points(item["film"], item["image"], self.folder.scheme, item["points_px"]) for item in items]
        path = self.folder.state / "dataset.zip"
        with (
            atomic_path(path) as temporary,
            # A film's time stamp may be earlier than ZIP files can store.
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive,
        ):
            for item, row in zip(items, rows, strict=True):
                archive.write(item["image"], row.image, compresslevel=1)
                label = self.folder.label(item["film"])
                archive.write(label, f"labels/{FINAL}/{label.name}")
            archive.writestr("landmarks.csv", landmarks_csv_text(rows))
        return str(path)

    def _labels(self) -> dict[str, dict[str, Path]]:
        return {tag: labels for tag in self.folder.tags() if (labels := self.folder.labels(tag))}

    def _image_info(self, film_id: str, path: Path) -> dict[str, Any]:
        # A viewer could not tell the format of a downloaded DICOM film without a suffix.
        name = f"{film_id}{film_suffix(path)}"
        name = name if name.lower().endswith(FILM_SUFFIXES) else f"{name}.dcm"
        try:
            ts = int(path.stat().st_mtime)
        except FileNotFoundError:  # removed meanwhile
            ts = 0
        return {"ts": ts, **self.folder.info(film_id), "name": name, "path": str(path)}


def film_points(film_id: str, film: str | Path, scheme: LandmarkScheme, points_px: np.ndarray) -> Prediction:
    """Return a film's points in the form that writers take, named after its id: its file may lie in a folder."""
    return annotated(f"{film_id}{film_suffix(film)}", scheme, points_px)


def _content(path: str) -> io.BytesIO | None:
    return io.BytesIO(Path(path).read_bytes()) if path else None


def _download_name(film_id: str, name: str, path: Path) -> str:
    """Return a file name that is unique to this version of a film, for viewers that download it.

    3D Slicer reads files whose names differ only in a number as slices of one volume (itk::ArchetypeSeriesFileNames),
    and films are named like that. It also reuses a cached file of the same name from another server. A hash written in
    letters before the suffix prevents both.
    """
    state = path.stat()
    version = f"{path}\0{state.st_size}\0{state.st_mtime_ns}".encode("utf-8", "surrogateescape")
    letters = "".join("abcdefghijklmnop"[int(digit, 16)] for digit in hashlib.sha256(version).hexdigest()[:8])
    return f"{film_id}.{letters}{name[len(film_id) :]}"


def _mapping(info: Any) -> dict[str, Any]:
    """Return the info that a client sent; raise LabelError unless it is a JSON object."""
    if not isinstance(info or {}, Mapping):
        raise LabelError(f"Expected the info to be a JSON object, got {type(info).__name__}.")
    return dict(info or {})
