"""Endpoints in place of MONAI Label's own: those that save labels, change weights, start trainings and score films."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Body, Depends, File, Form, HTTPException, UploadFile
from monailabel.config import settings
from monailabel.endpoints import train
from monailabel.endpoints.user.auth import RBAC, User
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.async_tasks.task import AsyncTask

from monai_ceph.data.label_check import LARGEST_BYTES
from monai_ceph.finetuning.replace_weights import replace_weights
from monai_ceph.finetuning.runs import TrainingError, weights_locked
from monai_ceph.finetuning.stage import weights_check
from monai_ceph.label.app import CephalometricApp, find_registered
from monai_ceph.label.model import CurrentModel
from monai_ceph.networks.two_stage import WeightsError

logger = logging.getLogger(__name__)
router = APIRouter()

LABEL, WEIGHTS, OPTIONS = File(...), File(...), Body(None)
USER = Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))
ANNOTATOR = Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))
ADMIN = Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))


@router.get("/info/", tags=["App"], summary="Get App Info, and what is wrong with films or weights")
def get_info(user: User = USER) -> dict[str, Any]:
    instance: CephalometricApp = app_instance()
    try:
        problems = instance.problems()
    except Exception as error:  # what only reports must not fail
        logger.exception("The problems cannot be listed")
        problems = [f"The problems cannot be listed: {error}"]
    return {**instance.info(), "problems": problems}


@router.put("/datastore/label", tags=["Datastore"], summary="Save a label")
def put_label(
    image: str,
    tag: str = DefaultLabelTag.FINAL.value,
    params: str = Form("{}"),
    label: UploadFile = LABEL,
    force: bool = False,
    replace: bool = False,
    user: User = ANNOTATOR,
) -> dict[str, Any]:
    """Save a label of a film.

    Args:
        image: the film.
        tag: kind of label.
        params: JSON, ``user`` and what is to be noted; ``force`` and ``replace`` may be here as well.
        label: 3D Slicer markups (.mrk.json).
        force: whether to save it although it is implausible, see :mod:`monai_ceph.data.label_plausibility`.
        replace: whether to replace another annotator's final label.
        user: who has logged in.
    """
    instance: CephalometricApp = app_instance()
    content, info = label.file.read(LARGEST_BYTES + 1), json.loads(params or "{}")
    options = {key: True for key, is_set in (("force", force), ("replace", replace)) if is_set}
    saved = instance.datastore().save(image, content, tag or DefaultLabelTag.FINAL.value, info, options)
    instance.on_save_label(image, image)
    return {"image": image, "label": image, **saved}


@router.post("/train/{model}", tags=["Train"], summary="Start a training")
def start_training(
    model: str,
    params: dict[str, Any] | None = OPTIONS,
    run_sync: bool = False,
    enqueue: bool = False,
    user: User = ADMIN,
) -> Any:
    """Start a training, once its options and the number of labels are known to be right."""
    instance: CephalometricApp = app_instance()
    try:
        instance.find("train", model).check(params or {}, instance.datastore())
    except TrainingError as error:
        raise HTTPException(400, str(error)) from error
    return train.run_model(model, params, run_sync, enqueue)


@router.post("/scoring/{method}", tags=["Scoring"], summary="Start a scoring method, or wait for its result")
def start_scoring(
    method: str, params: dict[str, Any] | None = OPTIONS, run_sync: bool = False, user: User = ANNOTATOR
) -> Any:
    """Start a scoring method after those that are running; with ``run_sync``, run it now and answer its result."""
    request = {"method": method}
    result, _ = AsyncTask.run("scoring", request=request, params=params, force_sync=run_sync, enqueue=True)
    return result


@router.put("/model/{model}", tags=["Model"], summary="Replace the weights; the ones in use are kept")
def put_weights(model: str, file: UploadFile = WEIGHTS, user: User = ADMIN) -> dict[str, Any]:
    current = _current(model)
    with tempfile.NamedTemporaryFile(dir=current.weights.parent, prefix=".", suffix=".pt") as sent:
        shutil.copyfileobj(file.file, sent)
        sent.flush()
        return _replace(current, Path(sent.name), model)


@router.delete("/model/{model}", tags=["Model"], summary="Refused: a server needs weights")
def delete_weights(model: str, user: User = ADMIN) -> None:
    _current(model)
    raise HTTPException(
        405, "The weights in use are not deleted; go back to earlier ones: POST /model/MODEL/previous/NAME."
    )


@router.get("/model/{model}/previous", tags=["Model"], summary="Names of the earlier weights, the latest last")
def get_previous(model: str, user: User = ADMIN) -> list[str]:
    return sorted(_current(model).previous())


@router.post("/model/{model}/previous/{name}", tags=["Model"], summary="Go back to earlier weights")
def post_previous(model: str, name: str, user: User = ADMIN) -> dict[str, Any]:
    current = _current(model)
    return _replace(current, find_registered("set of earlier weights", current.previous(), name), model)


def _current(model: str) -> CurrentModel:
    instance: CephalometricApp = app_instance()
    instance.find("infer", model)
    return instance.model


def _replace(current: CurrentModel, new: Path, model: str) -> dict[str, Any]:
    """Check weights and use them from now on; return what MONAI Label says of its weights."""
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    try:
        with weights_locked(current.bundle):
            replace_weights(current.weights, new, now, weights_check(current.bundle))
    except WeightsError as error:
        parts = str(error).split("'")
        sentence = "'".join("the file sent" if str(current.weights.parent) in part else part for part in parts)
        raise HTTPException(400, f"The weights in use are unchanged. {sentence}") from error
    except TrainingError as error:
        raise HTTPException(409, str(error)) from error
    instance: CephalometricApp = app_instance()
    return {**(instance.model_info(model) or {}), "previous": now}
