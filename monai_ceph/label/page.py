"""The page on the annotation server, with MONAI Label's films, labels, strategies and training behind it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from fastapi import FastAPI, HTTPException
from monailabel.config import settings
from monailabel.endpoints import activelearning, train
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.async_tasks.task import AsyncTask
from starlette.types import Receive, Scope, Send

from monai_ceph.active_learning.uncertainty import read_records
from monai_ceph.data.label_folder import FINAL
from monai_ceph.data.label_plausibility import ImplausibleLabelError
from monai_ceph.film_names import film_name
from monai_ceph.formats.markups import markups_text
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.label import MODEL
from monai_ceph.label.app import CephalometricApp
from monai_ceph.label.endpoints import post_previous, start_training
from monai_ceph.label.scoring import records_folder
from monai_ceph.label.store import film_points
from monai_ceph.label.train import PROGRESS, RESULT
from monai_ceph.label.user import token_user
from monai_ceph.page.app import page_app
from monai_ceph.page.work import FilmRow, Label, LabelRefusedError, Offer, Role, Work
from monai_ceph.prediction import Prediction

ROLES: dict[Role, str] = {
    "user": settings.MONAI_LABEL_AUTH_ROLE_USER,
    "annotator": settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR,
    "admin": settings.MONAI_LABEL_AUTH_ROLE_ADMIN,
}

STATUS = {"SUBMITTED": "running", "RUNNING": "running", "DONE": "done"}
"""MONAI Label's states of a task, in the page's words; all others are failures."""


class LabelWork(Work):
    """The films of the annotation server.

    Args:
        app: the MONAI Label app.
    """

    def __init__(self, app: CephalometricApp) -> None:
        super().__init__(app.model.scheme, app.model.spacing_mm)
        self.app, self.folder = app, app.label_folder

    def offer(self) -> Offer:
        return Offer(
            title=self.folder.folder.name,
            users=True,
            login=f"{settings.MONAI_LABEL_API_STR}/auth/token" if settings.MONAI_LABEL_AUTH_ENABLE else "",
            train=True,
            upload=True,
            strategies={name: strategy.description for name, strategy in self.app._strategies.items()},
        )

    async def authenticate(self, token: str, role: Role) -> str | None:
        if not settings.MONAI_LABEL_AUTH_ENABLE:
            return None
        user = await token_user(token)
        # Each role includes those before it, as in MONAI Label.
        if settings.MONAI_LABEL_AUTH_ROLE_ADMIN not in user.roles and ROLES[role] not in user.roles:
            raise HTTPException(
                403, f"'{user.username}' lacks the role '{ROLES[role]}'; ask who administers the users."
            )
        return user.username

    def films(self) -> list[FilmRow]:
        annotators, final = self.folder.annotators(), self.folder.labels()
        records = read_records(records_folder(self.folder))
        return [
            FilmRow(
                film,
                "labelled" if film in final else "new",
                tuple(user for user, labels in annotators.items() if film in labels),
                records[film].uncertainty if film in records else None,
            )
            for film in self.app.datastore().list_images()
        ]

    def film(self, film_id: str) -> Path:
        path = self.app.datastore().get_image_uri(film_id)
        if not path:
            raise LookupError(f"There is no film '{film_id}'.")
        return Path(path)

    def revision(self) -> str:
        folders = [self.folder.folder, self.folder.folder / "labels" / FINAL, records_folder(self.folder)]
        return "-".join(str(path.stat().st_mtime_ns) if path.exists() else "0" for path in folders)

    def predict(self, film_id: str) -> Prediction:
        prediction = self.app.proposals.get(self.film(film_id)).prediction
        return prediction if self.app.site is None else self.app.site.apply(prediction)

    def annotated(self, film_id: str, points_px: np.ndarray) -> Prediction:
        return film_points(film_id, self.film(film_id), self.scheme, points_px)

    def frame(self, film_id: str) -> ViewerFrame:
        return self.folder.frame(film_id)

    def labels(self, film_id: str) -> list[Label]:
        labels = [
            Label(user, self.folder.points_px(film_id, films[film_id]), final=False)
            for user, films in self.folder.annotators().items()
            if film_id in films
        ]
        if final := self.folder.labels().get(film_id):
            user = str(self.folder.label_info(film_id).get("user", ""))
            labels.append(Label(user, self.folder.points_px(film_id, final), final=True))
        return labels

    def save(self, film_id: str, points_px: np.ndarray, user: str, force: bool = False, replace: bool = False) -> bool:
        content = markups_text(self.annotated(film_id, points_px), self.frame(film_id)).encode()
        check = None if force else partial(self.app.check_label, film_id)
        try:
            path = self.folder.save(film_id, content, FINAL, user, replace=replace, check=check)
        except ImplausibleLabelError as error:
            raise LabelRefusedError(str(error).partition(" Check that")[0]) from error
        return path.parent.name == FINAL

    def export(self) -> list[Prediction]:
        return [
            film_points(item["film"], item["image"], self.scheme, item["points_px"]) for item in self.folder.items()
        ]

    def next_film(self, strategy: str, user: str) -> str | None:
        if strategy not in self.app._strategies:
            raise ValueError(f"Expected one of the strategies {', '.join(self.app._strategies)}, got '{strategy}'.")
        film = activelearning.sample(strategy, {"client_id": user}, user).get("id")
        return None if film is None else str(film)

    def add_film(self, name: str, content: bytes) -> str:
        with TemporaryDirectory() as folder:
            path = Path(folder) / Path(name).name
            path.write_bytes(content)
            film_id = film_name(name)
            self.folder.add_film(film_id, path)
        return film_id

    def train(self, options: dict[str, Any]) -> None:
        start_training(MODEL, {key: options[key] for key in ("stages", "epochs", "device") if options.get(key)})

    def stop_training(self) -> None:
        train.stop()

    def training(self) -> dict[str, Any]:
        """Return the state of the newest training and the weights.

        Returns:
            ``status`` ("none", "running", "done", "failed"); ``progress`` and ``result`` as in
            :meth:`~monai_ceph.label.train.LandmarkTrain.stats`; ``labels``, how many there are; ``message``,
            the last line of a failed training's log; ``weights``, names of the sets of weights, the newest first;
            ``in_use``, an identifier of those in use.
        """
        state, _ = AsyncTask.status("train")
        task: Mapping[str, Any] = state or {}
        status = STATUS.get(str(task["status"]), "failed") if task.get("status") else "none"
        details = task.get("details") or []
        stats = self.app.find("train", MODEL).stats()
        return {
            "status": status,
            "message": str(details[-1]) if status == "failed" and details else "",
            "progress": {key: stats.get(key) for key in PROGRESS},
            "result": {key: stats.get(key) for key in RESULT},
            "labels": len(self.folder.labels()),
            "weights": sorted(self.app.model.previous(), reverse=True),
            "in_use": self.app.model.weights_id(),
        }

    def restore_weights(self, name: str) -> None:
        post_previous(MODEL, name)


def add_page(app: FastAPI) -> None:
    """Serve the page at ``/page/``; the MONAI Label app is made on the first request, as for every other endpoint."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await made()(scope, receive, send)

    made = cache(lambda: page_app(LabelWork(app_instance())))
    app.mount("/page", page)
