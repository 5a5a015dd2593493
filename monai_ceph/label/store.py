"""What MONAI Label asks of a datastore, of a :class:`~monai_ceph.data.label_folder.LabelFolder`."""

from __future__ import annotations

import hashlib
import io
import logging
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from monailabel.interfaces.datastore import Datastore

from monai_ceph.atomic import atomic_path
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.data.label_check import LARGEST_BYTES, LabelError, LabelSizeError, check_screen
from monai_ceph.data.label_folder import FINAL, LABEL_SUFFIX, NOBODY, LabelFolder, UnknownFilmError, UnknownLabelError
from monai_ceph.film_names import FILM_SUFFIXES
from monai_ceph.formats.landmark_table import landmarks_csv_text
from monai_ceph.prediction import annotated

logger = logging.getLogger(__name__)

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
"""Whom the request's token names; None without authentication. No label is kept under another name."""

_STATUS: dict[type[Exception], int] = {
    UnknownFilmError: 404,
    UnknownLabelError: 404,
    FileExistsError: 409,
    LabelSizeError: 413,
    LabelError: 400,
    FilmError: 400,
}


@contextmanager
def _answers() -> Iterator[None]:
    """Turns what the folder raises into the answer that a client gets: a status, and the sentence."""
    try:
        yield
    except tuple(_STATUS) as error:
        status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
        raise HTTPException(status, str(error)) from error


class FilmStore(Datastore):
    """Films and labels for MONAI Label's endpoints; a label's id is its film's.

    Nothing is kept here but a title. Where the folder refuses, an HTTPException says why: 404 unknown film or label,
    400 bad label, id, tag or user, 409 the film exists, 413 too large.

    Args:
        folder: the films.
    """

    def __init__(self, folder: LabelFolder) -> None:
        self.folder = folder
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
        """Nothing to do: the files are looked at each time."""

    def status(self) -> dict[str, Any]:
        labels = self._labels()
        return {
            "total": len(self.list_images()),
            "completed": len(labels.get(FINAL, ())),
            "label_tags": {tag: len(found) for tag, found in labels.items()},
        }

    def json(self) -> dict[str, Any]:
        """Films and labels with what is known of them, laid out as clients of MONAI Label read it."""
        objects: dict[str, dict[str, Any]] = {}
        for film_id, path in self.folder.films().items():
            image = {"ext": path.name[len(film_id) :], "info": self._image_info(film_id, path)}
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
        """Films with a final label. As in MONAI Label's own store, the arguments make no difference."""
        return list(self.folder.labels())

    def get_unlabeled_images(self, label_tag: str | None = None, labels: Sequence[str] | None = None) -> list[str]:
        """The other films."""
        final = self.folder.labels()
        return [film_id for film_id in self.list_images() if film_id not in final]

    def get_image(self, image_id: str, params: Any = None) -> io.BytesIO | None:
        uri = self.get_image_uri(image_id)
        return io.BytesIO(Path(uri).read_bytes()) if uri else None

    def get_image_uri(self, image_id: str) -> str:
        """The film's file; empty for an unknown film, of which MONAI Label's endpoint makes a 404."""
        try:
            return str(self.folder.film(image_id))
        except UnknownFilmError:
            return ""

    @_answers()
    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """What is noted of a film. The path is kept back: a viewer on this machine would open the file from among the
        others, which :func:`_name_alone` is against."""
        path = self.folder.film(image_id)
        info = self._image_info(image_id, path)
        return info | {"name": _name_alone(image_id, info["name"], path), "path": ""}

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

    @_answers()
    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: Mapping[str, Any]) -> str:
        """Takes a label.

        Args:
            image_id: the film.
            label_filename: the .mrk.json, whatever its name ends in.
            label_tag: "final", "original", ...
            label_info: ``user`` or ``client_id``, who made it, unless a token tells; ``screen``, how the viewer shows
                the film, is checked; the rest is kept with the label.
        Returns:
            The label's id.
        """
        info = _mapping(label_info)
        screen = info.pop("screen", None)
        if screen is not None:
            check_screen(screen, viewer_frame_apart(self.folder.film(image_id)), image_id)
        user = current_user.get() or info.get("user") or info.get("client_id") or NOBODY
        with open(label_filename, "rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        path = self.folder.save(image_id, content, label_tag, user, info)
        logger.info("Label of %r by %r, tag %r: %s", image_id, user, label_tag, path)
        return image_id

    @_answers()
    def remove_label(self, label_id: str, label_tag: str) -> None:
        self.folder.remove(label_id, label_tag)

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        return {tag: image_id for tag, labels in self._labels().items() if image_id in labels}

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        return self.get_labels_by_image_id(image_id).get(tag, "")

    def get_label(self, label_id: str, label_tag: str, params: Any = None) -> io.BytesIO | None:
        uri = self.get_label_uri(label_id, label_tag)
        return io.BytesIO(Path(uri).read_bytes()) if uri else None

    @_answers()
    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """The label's file; empty where there is none, of which MONAI Label's endpoint makes a 404."""
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

    # --- all of it

    @_answers()
    def get_dataset_archive(self, limit_cases: int | None = None) -> str:
        """A ZIP of the films with a final label, these labels, and all their points in pixels as ``landmarks.csv``.

        Args:
            limit_cases: how many films at most.
        Raises:
            HTTPException: 404, no film has a final label that can be read.
        """
        items = self.folder.items()
        items = items[:limit_cases] if limit_cases and limit_cases > 0 else items
        if not items:
            raise HTTPException(404, "No film has a final label yet.")
        rows = [annotated(Path(item["image"]).name, self.folder.scheme, item["points_px"]) for item in items]
        path = self.folder.state / "dataset.zip"
        with (
            atomic_path(path) as temporary,
            # A film may claim to be older than ZIP files can tell.
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive,
        ):
            for item in items:
                archive.write(item["image"], Path(item["image"]).name, compresslevel=1)
                label = self.folder.label(item["film"])
                archive.write(label, f"labels/{FINAL}/{label.name}")
            archive.writestr("landmarks.csv", landmarks_csv_text(rows))
        return str(path)

    def _labels(self) -> dict[str, dict[str, Path]]:
        return {tag: labels for tag in self.folder.tags() if (labels := self.folder.labels(tag))}

    def _image_info(self, film_id: str, path: Path) -> dict[str, Any]:
        # A viewer that downloads a DICOM film without a suffix would not know what it is.
        name = path.name if path.name.lower().endswith(FILM_SUFFIXES) else f"{path.name}.dcm"
        try:
            ts = int(path.stat().st_mtime)
        except FileNotFoundError:  # removed meanwhile
            ts = 0
        return {"ts": ts, **self.folder.info(film_id), "name": name, "path": str(path)}


def _name_alone(film_id: str, name: str, path: Path) -> str:
    """What a viewer is to call a film that it downloads: like no other file.

    3D Slicer takes files of a folder, its cache as well, for slices of one volume where their names differ by a number
    alone (itk::ArchetypeSeriesFileNames), as names of films do; and it takes what it has in its cache, from whatever
    server, for another film of the same name. So letters that stand for this file come before the suffix.
    """
    state = path.stat()
    version = f"{path}\0{state.st_size}\0{state.st_mtime_ns}".encode("utf-8", "surrogateescape")
    letters = "".join("abcdefghijklmnop"[int(digit, 16)] for digit in hashlib.sha256(version).hexdigest()[:8])
    return f"{film_id}.{letters}{name[len(film_id) :]}"


def _mapping(info: Any) -> dict[str, Any]:
    """What a client sent to be noted. Raises LabelError unless it is a JSON object."""
    if not isinstance(info or {}, Mapping):
        raise LabelError("Expected a JSON object of what is to be noted.")
    return dict(info or {})
