"""The MONAI Label app, which answers the server's requests."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from reprlib import repr as shorten
from typing import Any

import numpy as np
from fastapi import HTTPException
from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.interfaces.tasks.infer_v2 import InferTask
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask
from monailabel.utils.async_tasks.utils import tasks

from monai_ceph import __version__
from monai_ceph.active_learning.uncertainty import read_records
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_workers import FilmWorkers, use_workers
from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.data.label_plausibility import check_plausible, looks_mirrored
from monai_ceph.face_shape import FaceShape
from monai_ceph.film_records import STATE_FOLDER
from monai_ceph.label import MODEL
from monai_ceph.label.batch import FilmBatch
from monai_ceph.label.infer import LandmarkInfer
from monai_ceph.label.model import CurrentModel, own_bundle
from monai_ceph.label.options import Options, is_url
from monai_ceph.label.proposals import Proposals
from monai_ceph.label.scoring import LandmarkError, Uncertainty, records_folder
from monai_ceph.label.sessions import FilmSessions
from monai_ceph.label.site import FolderSite
from monai_ceph.label.store import FilmStore
from monai_ceph.label.strategies import strategies
from monai_ceph.label.train import LandmarkTrain
from monai_ceph.networks.two_stage import WeightsError
from monai_ceph.page.film_state import film_state
from monai_ceph.predictor.bundle import root_cause
from monai_ceph.predictor.threads import worker_count
from monai_ceph.wording import count, named

logger = logging.getLogger(__name__)

AHEAD = 2
"""How many films are predicted ahead, beside the one that was handed out."""
BACKGROUND = 10
"""How much training and scoring give way to the server: their niceness."""
UPLOAD = re.compile(r"tmp\w{8}(\.\w+)*")
"""Name that MONAI Label gives a file uploaded with an inference request: a NamedTemporaryFile with a suffix."""


class CephalometricApp(MONAILabelApp):
    """Serve one landmark model and the films of a folder or a DICOMweb store; labels are 3D Slicer markups.

    Args:
        app_dir: MONAI Label's app folder, which holds ``main.py`` and the logs.
        studies: a folder of films, or the URL of a DICOMweb store.
        conf: the ``--conf`` pairs, see :class:`~monai_ceph.label.options.Options`.
    Raises:
        ValueError, OSError: the folder, the bundle or an option cannot be used; the message says why.
    """

    def __init__(self, app_dir: str, studies: str, conf: Mapping[str, str]) -> None:
        use_workers(FilmWorkers(worker_count()))  # no film that is sent or shown ends or hangs the server
        self.options = Options.of(conf)
        self.folder = self.options.films_folder(studies)
        self.model = CurrentModel(
            own_bundle(self.folder / STATE_FOLDER, self.options.bundle_folder, self.options.trusts_bundle),
            self.options.spacing_mm,
            self.options.device,
            self.options.trusts_bundle,
        )
        self.label_folder = LabelFolder(self.folder, self.model.scheme)
        self.proposals = Proposals(self.model)
        self.site = FolderSite(self.proposals, self.label_folder) if self.options.calibrates else None
        self.face_shape = FaceShape.of(self.model.bundle / "configs" / "face_shape.json", self.model.scheme.symbols)
        self._unreadable: dict[str, str] = {}
        self._logged: set[str] = set()
        super().__init__(
            app_dir,
            studies,
            dict(conf),
            name="monai_ceph",
            description="Landmarks of lateral cephalograms, for research only; not a medical device",
            version=__version__,
        )

    def init_datastore(self) -> FilmStore:
        if not is_url(self.studies):
            return FilmStore(self.label_folder, self.check_label)
        from monai_ceph.label.dicomweb import DicomWebStore

        return DicomWebStore(self.label_folder, self.studies, self.check_label)

    def init_infers(self) -> dict[str, InferTask]:
        return {MODEL: LandmarkInfer(self.proposals, self.site)}

    def init_trainers(self) -> dict[str, TrainTask]:
        return {MODEL: LandmarkTrain(self.model, self.options.base)}

    def init_strategies(self) -> dict[str, Strategy]:
        return strategies()

    def init_scoring_methods(self) -> dict[str, ScoringMethod]:
        return {"uncertainty": Uncertainty(self.model), "landmark_error": LandmarkError(self.options.spacing_mm)}

    def async_scoring(self, method: str | None, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Start a scoring method; with None, start those with work to do, unless scoring is already running.

        The stock app starts a new torch process for every method whenever it starts, trains or is asked for a film. A
        training process requests scoring from the server over HTTP. If that fails because it has no token or the server
        listens on another address, the next request for a film starts it.
        """
        if method:
            return super().async_scoring(method, params) or {}
        try:
            if any(task["status"] in ("SUBMITTED", "RUNNING") for task in tasks("scoring")):
                return {}
            due = [name for name, task in self._scoring_methods.items() if task.due(self.datastore())]
            return {name: super(CephalometricApp, self).async_scoring(name, params) for name in due}
        except Exception as error:  # scoring must not make requests for films or trainings fail
            logger.warning("Scoring was not started: %s", error)
            return {}

    def info(self) -> dict[str, Any]:
        """Return what the stock app says, and what the site calibration does."""
        return {**super().info(), "site_calibration": None if self.site is None else self.site.info()}

    def train(self, request: Mapping[str, Any]) -> Any:
        """Train as the stock app does. In the process of a training, an error is its last line, without a traceback."""
        self._give_way()
        try:
            return super().train(request)
        except (ValueError, OSError) as error:
            if self._server_mode:
                raise HTTPException(400, str(error)) from error
            raise SystemExit(str(error)) from error

    def scoring(self, request: Mapping[str, Any], datastore: FilmStore | None = None) -> Any:
        self._give_way()
        return super().scoring(request, datastore)

    def batch_infer(self, request: Mapping[str, Any], datastore: FilmStore | None = None) -> Any:
        self._give_way()
        return super().batch_infer(request, datastore)

    def _give_way(self) -> None:
        """Let the server go first, where this is not the server but a process that it started."""
        if not self._server_mode and hasattr(os, "nice"):
            os.nice(BACKGROUND)

    def next_sample(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Choose a film as the stock app does, and begin to predict it and those that come after it."""
        answer: dict[str, Any] = super().next_sample(request)
        strategy = self._strategies.get(str(request.get("strategy")))
        if answer and strategy is not None:
            films = [answer["id"], *strategy.following(answer["id"], self.datastore(), AHEAD)]
            known = self.label_folder.films()  # of an archive, those that were fetched
            self.proposals.ahead(known[film] for film in films if film in known)
        return answer

    def check_label(self, film_id: str, points_px: np.ndarray) -> None:
        """Raise ImplausibleLabelError if a label's points (N, 2), film pixels, are implausible.

        The film's proposal is known if a client asked for it. Only a face that looks to the left makes the
        proposal necessary, because films do as well.
        """
        film = self.label_folder.film(film_id)
        proposal = self.proposals.known(film)
        if proposal is None and looks_mirrored(points_px, self.face_shape):
            try:
                proposal = self.proposals.get(film).prediction
            except (ValueError, RuntimeError) as error:
                logger.warning("The label of '%s' is not compared with a proposal: %s", film_id, error)
        pixel_mm = self.model.spacing_mm
        spacing = (pixel_mm, pixel_mm) if pixel_mm else proposal.spacing_mm if proposal else None
        check_plausible(points_px, self.face_shape, spacing, proposal, f"The label of film '{film_id}'")

    def check_films(self) -> None:
        """Read the header of every film, so that those that cannot be read are known at once."""

        def check(film_id: str) -> None:
            try:
                self.label_folder.frame(film_id)
            except (FilmError, LookupError) as error:
                self._unreadable[film_id] = str(error)

        with ThreadPoolExecutor(worker_count()) as threads:
            list(threads.map(check, self.label_folder.films()))

    def problems(self) -> list[str]:
        """Return what is wrong with the films or the weights: sentences, which the log gets when they are new."""
        problems = self.label_folder.problems()
        films, unreadable = self.label_folder.films(), dict(self._unreadable)
        for film, record in read_records(records_folder(self.label_folder)).items():
            if film in films and (record.bytes, record.mtime_ns) == film_state(films[film]):
                unreadable.pop(film, None)
                if record.error:
                    unreadable[film] = record.error
        reasons = [reason for film, reason in unreadable.items() if film in films]
        if reasons:
            problems.append(f"{count(len(reasons), 'film')} cannot be read: {named(reasons, 3)}")
        try:
            self.model.predictor()
        except (ValueError, OSError) as error:
            problems.append(str(error))
        for problem in set(problems) - self._logged:
            logger.warning("%s", problem)
        self._logged = set(problems)
        return problems

    def init_batch_infer(self) -> Callable[..., Any]:
        return FilmBatch()

    def infer(self, request: Mapping[str, Any], datastore: FilmStore | None = None) -> dict[str, Any]:
        """Predict the landmarks of one film.

        The stock app opens any path that the request names, and the request's JSON may set any key. Here ``image`` must
        be the id of a film, the upload of this request, or the film of a session, and only the keys below are read.

        Args:
            request: ``model``; ``image``; ``save_label``, whether to store the result as a label; ``label_tag``, its
                tag, "original" by default.
        Returns:
            The dictionary that MONAI Label's endpoint expects: ``file`` is the .mrk.json, ``params`` the JSON.
        Raises:
            HTTPException: 404 no such model or film, 400 the tag is reserved for labels that people accepted, 422 the
                film cannot be read, 503 the weights cannot be loaded.
        """
        store = datastore or self.datastore()
        task = self.find("infer", str(request.get("model")))
        image, tag = str(request.get("image")), request.get("label_tag") or DefaultLabelTag.ORIGINAL
        tag = tag.value if isinstance(tag, DefaultLabelTag) else str(tag)  # batch inference passes the enum member
        temporary = self._is_temporary(image, request.get("session"))
        save = bool(request.get("save_label")) and not temporary
        if save and tag == DefaultLabelTag.FINAL.value:
            raise HTTPException(
                400, "The tag 'final' is reserved for labels that a person accepted; PUT those to /datastore/label."
            )
        path = image if temporary else store.get_image_uri(image)
        if not path:
            raise HTTPException(404, f"There is no film {shorten(image)}; /datastore/?output=all lists all films.")
        try:
            file, result = task({"image": path, "film": None if temporary else image})
        except (ValueError, RuntimeError) as error:
            reason = root_cause(error)
            if not isinstance(reason, ValueError):
                raise
            raise HTTPException(503 if isinstance(reason, WeightsError) else 422, str(reason)) from error
        if save:
            try:
                store.save_label(image, file, tag, {"model": MODEL, "user": MODEL, "params": result, "force": True})
            except Exception:
                Path(file).unlink()
                raise
        return {"label": image if save else file, "tag": tag, "file": file, "params": result}

    def _is_temporary(self, image: str, session: Any) -> bool:
        """Return whether an image was uploaded with the request or its session, and so is not in the store."""
        if isinstance(session, Mapping) and self._sessions is not None:
            info = self._sessions.get_session(str(session.get("name")))
            if info is not None and info.image == image:
                return True
        path = Path(image)
        is_upload = str(path.parent) == tempfile.gettempdir() and UPLOAD.fullmatch(path.name) is not None
        return is_upload and path.is_file() and not path.is_symlink()

    def cleanup_sessions(self) -> None:
        if self._sessions is not None:  # the stock app skips this unless a session is in memory
            self._sessions.remove_expired()

    def find(self, task: str, name: str) -> Any:
        """Return a task by its name; raise HTTPException 404, which lists the names, if there is none.

        Args:
            task: its kind as in the URL: infer, batch/infer, train, scoring, activelearning.
            name: of the model, the scoring method or the strategy.
        """
        kinds = {
            "train": ("model that trains", self._trainers),
            "scoring": ("scoring method", self._scoring_methods),
            "activelearning": ("strategy", self._strategies),
        }
        return find_registered(*kinds.get(task, ("model", self._infers)), name)

    def infer_wsi(self, request: Mapping[str, Any], datastore: FilmStore | None = None) -> dict[str, Any]:
        raise HTTPException(404, f"Films are not whole-slide images; use /infer/{MODEL}.")

    def _load_sessions(self, load: bool = False) -> FilmSessions | None:
        if not load:
            return None
        path = settings.MONAI_LABEL_SESSION_PATH or str(self.folder / STATE_FOLDER / "sessions")
        return FilmSessions(path, settings.MONAI_LABEL_SESSION_EXPIRY)


def find_registered(kind: str, registered: Mapping[str, Any], name: str) -> Any:
    """Return what is registered under a name; raise HTTPException 404, which lists the names, if nothing is."""
    if name not in registered:
        raise HTTPException(404, f"There is no {kind} '{name}'; expected one of: {', '.join(registered) or 'none'}.")
    return registered[name]
