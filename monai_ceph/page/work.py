"""The interface between the page and the programs that serve it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.face_shape import FaceShape
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.page.film_picture import FilmPictures
from monai_ceph.prediction import Prediction, annotated
from monai_ceph.predictor.bundle import default_bundle

Role = Literal["user", "annotator", "admin"]
NO_TRAINING = "The model cannot be trained here; use monai-ceph label."


class LabelRefusedError(ValueError):
    """A label is odd, as the message says, and is saved only if the annotator insists."""


@dataclass(frozen=True)
class Offer:
    """The parts of the page that a program supports.

    Args:
        title: shown on the page.
        users: whether labels have the names of annotators.
        login: address that exchanges a name and a password for a token (OAuth 2); empty where nobody logs in.
        train: whether the model can be trained.
        upload: whether films can be added.
        strategies: ways to choose the next film, name -> description; without any, films come in order.
    """

    title: str
    users: bool = False
    login: str = ""
    train: bool = False
    upload: bool = False
    strategies: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FilmRow:
    """A film in the work list.

    Args:
        film: its id.
        state: "new", or "labelled" where somebody has saved a label.
        annotators: who has saved one.
        uncertainty: of the model, 0 to 1; None where it is unknown.
    """

    film: str
    state: Literal["new", "labelled"]
    annotators: tuple[str, ...] = ()
    uncertainty: float | None = None


@dataclass(frozen=True)
class Label:
    """Points that an annotator saved.

    Args:
        user: the annotator.
        points_px: (N, 2), (x, y), film pixels; NaN where a landmark cannot be seen.
        final: whether training uses it.
    """

    user: str
    points_px: np.ndarray
    final: bool


class Work(ABC):
    """Films to look at and to correct. Methods may be called from several threads at once.

    Films that cannot be read raise FilmError. Ids that do not exist raise LookupError, and so do methods that a program
    does not offer; the page hides those, see :class:`Offer`.

    Args:
        scheme: the landmarks.
        spacing_mm: the films' pixel size; None is the one in each file.
    """

    def __init__(self, scheme: LandmarkScheme, spacing_mm: float | None = None) -> None:
        self.scheme, self.pictures = scheme, FilmPictures(spacing_mm)

    def face_shape(self) -> FaceShape | None:
        """Return how faces of these landmarks look; None where that is unknown."""
        return FaceShape.of(default_bundle() / "configs" / "face_shape.json", self.scheme.symbols)

    @abstractmethod
    def offer(self) -> Offer:
        """Return the parts of the page that this program supports."""

    @abstractmethod
    def films(self) -> list[FilmRow]:
        """Return the work list."""

    @abstractmethod
    def film(self, film_id: str) -> Path:
        """Return a film's file."""

    @abstractmethod
    def revision(self) -> str:
        """Return a text that changes when the work list does."""

    @abstractmethod
    def predict(self, film_id: str) -> Prediction:
        """Return the proposal for a film."""

    @abstractmethod
    def labels(self, film_id: str) -> list[Label]:
        """Return the labels of a film."""

    @abstractmethod
    def save(self, film_id: str, points_px: np.ndarray, user: str, force: bool = False, replace: bool = False) -> bool:
        """Save a label.

        Args:
            film_id: the film.
            points_px: (N, 2), (x, y), film pixels; NaN where a landmark cannot be seen.
            user: the annotator.
            force: save a label that is odd.
            replace: replace another annotator's final label; else both are kept, and theirs stays the final one.
        Returns:
            Whether this is the film's final label now.
        Raises:
            LabelRefusedError: the label is odd; it is saved with ``force``.
            ValueError: the label cannot be saved at all.
        """

    @abstractmethod
    def export(self) -> list[Prediction]:
        """Return the final labels of all labelled films."""

    def annotated(self, film_id: str, points_px: np.ndarray) -> Prediction:
        """Return points that a person placed on a film, (N, 2), in the form that writers take."""
        return annotated(self.film(film_id).name, self.scheme, points_px)

    def frame(self, film_id: str) -> ViewerFrame:
        """Return the frame in which other viewers open a film."""
        return viewer_frame_apart(self.film(film_id))

    async def authenticate(self, token: str, role: Role) -> str | None:
        """Return the user that a token names; None if users are not asked to log in.

        Raises:
            starlette.exceptions.HTTPException: the user is unknown (401), or does not have the role (403).
        """
        return None

    def next_film(self, strategy: str, user: str) -> str | None:
        """Return the film that a strategy chooses; None if every film has a label."""
        raise LookupError("Films come in order here; there is no strategy to choose them.")

    def add_film(self, name: str, content: bytes) -> str:
        """Add a film under its file name and return its id. Raises ValueError or FileExistsError."""
        raise LookupError("Films cannot be added here; start again with them.")

    def train(self, options: dict[str, Any]) -> None:
        """Start a training. Raises ValueError if none can be started."""
        raise LookupError(NO_TRAINING)

    def stop_training(self) -> None:
        """Stop the training."""
        raise LookupError(NO_TRAINING)

    def training(self) -> dict[str, Any]:
        """Return the state of the training: see :meth:`monai_ceph.label.page.LabelWork.training`."""
        raise LookupError(NO_TRAINING)

    def restore_weights(self, name: str) -> None:
        """Use earlier weights again. Raises ValueError if they cannot be used."""
        raise LookupError(NO_TRAINING)
