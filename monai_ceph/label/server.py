"""MONAI Label's web application with stricter defaults.

    monailabel start_server --app ... --studies ... --uvicorn_app monai_ceph.label.server:app

It differs from ``monailabel.app:app`` in this:

- Only the pages in ``MONAI_LABEL_CORS_ORIGINS`` may use the server from a browser (stock: any page).
- A client's mistake is answered with 4xx and a message (stock: 500). So is an unknown name (stock: a process is started
  and fails).
- Tokens are checked, and labels are stored under the token's user (:mod:`monai_ceph.label.user`).
- The endpoints for whole-slide images and OHIF and the DICOMweb proxy are removed: they cannot show landmarks, and the
  proxy would open the DICOMweb store to everybody.
- Endpoints run in worker threads (:mod:`monai_ceph.label.workers`), so that a label is saved while a film is predicted
  (stock: one request at a time).
- Labels, weights, trainings and scores have endpoints that check first (:mod:`monai_ceph.label.endpoints`), and the
  pages of the server need no other host (:mod:`monai_ceph.label.documents`).
- A path answers with and without a slash at its end (stock: a redirection, which curl does not follow).
- A full disk is answered with 507 and the reason.
"""

from __future__ import annotations

import errno
import json
import logging
import re
import traceback
from collections.abc import Iterator

import monailabel.app
from fastapi import Request, Response, params
from fastapi.exception_handlers import http_exception_handler
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from monailabel.config import settings
from monailabel.endpoints import (
    activelearning,
    batch_infer,
    datastore,
    infer,
    info,
    login,
    model,
    scoring,
    session,
    train,
)
from monailabel.endpoints.user.auth import get_current_user
from monailabel.interfaces.exception import MONAILabelException
from monailabel.interfaces.utils.app import app_instance
from starlette.exceptions import HTTPException

from monai_ceph.label.app import CephalometricApp
from monai_ceph.label.documents import add_documents
from monai_ceph.label.documents import router as documents
from monai_ceph.label.endpoints import router as endpoints
from monai_ceph.label.page import add_page
from monai_ceph.label.user import token_user
from monai_ceph.label.workers import add_in_workers

logger = logging.getLogger(__name__)

STOCK = (info, model, infer, batch_infer, train, activelearning, scoring, datastore, session)
"""MONAI Label's endpoints that are served: not those for whole-slide images and OHIF, nor the DICOMweb proxy."""
KEPT = ("/openapi.json", "/static", "/favicon.ico")
"""Paths of its application that stay as they are."""
NAMED = re.compile(r"/(infer|batch/infer|train|scoring|activelearning)/{(\w+)}")
"""Paths that end with the name of a model, a scoring method or a strategy."""

app = monailabel.app.app


def known_name(task: str, parameter: str) -> params.Depends:
    """Return a dependency that answers 404 for an unknown name before a process is started for it.

    Args:
        task: as in the URL: infer, batch/infer, train, scoring, activelearning.
        parameter: the part of the URL that holds the name.
    """

    def check(request: Request) -> None:
        instance: CephalometricApp = app_instance()
        instance.find(task, request.path_params[parameter])

    return params.Depends(check)


async def client_error(request: Request, error: Exception) -> Response:
    """Return 400 with a message for a malformed request; re-raise everything else, which becomes a 500."""
    if isinstance(error, MONAILabelException):
        return JSONResponse({"detail": error.msg}, 400)
    if isinstance(error, json.JSONDecodeError):
        return JSONResponse({"detail": f"Expected JSON: {error}."}, 400)
    if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:
        return server_fault(request, error)
    if raised_in(error).startswith("monailabel.endpoints"):
        # For example a list instead of a JSON object, or a file suffix of 300 letters.
        return JSONResponse({"detail": f"The request's JSON or file does not have the expected form: {error}."}, 400)
    raise error


def server_fault(request: Request, error: OSError) -> Response:
    """Return 507 if a disk is full, else 500, with the reason; nothing of the request was done."""
    logger.error("%s %s", request.method, request.url.path, exc_info=error)
    full = any(isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT) for cause in causes(error))
    reason = str(error) if error.errno is None else f"{error.strerror} ({error.filename or 'in a temporary folder'})."
    return JSONResponse({"detail": f"Nothing was saved. {reason}"}, 507 if full else 500)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def raised_in(error: Exception) -> str:
    """Return the innermost module of MONAI Label or of this package in an error's traceback."""
    names = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((name for name in reversed(names) if name.startswith(("monailabel.", "monai_ceph."))), "")


async def http_error(request: Request, error: HTTPException) -> Response:
    """Return 400 where MONAI Label answers 500 to a request without a film or for a DICOM SEG.

    FastAPI answers 400 if it cannot store an upload; what it was raised from is the server's fault.
    """
    fault = next((cause for cause in causes(error.__cause__) if isinstance(cause, OSError)), None)
    if error.detail == "There was an error parsing the body" and fault is not None:
        return server_fault(request, fault)
    if error.status_code == 500 and str(error.detail).startswith(("Neither Image", "DICOM SEG")):
        error = HTTPException(400, error.detail)
    return await http_exception_handler(request, error)


def origins() -> list[str]:
    """Return the origins whose pages may use this server, without the trailing slash that pydantic adds."""
    return [str(origin).rstrip("/") for origin in settings.MONAI_LABEL_CORS_ORIGINS]


app.user_middleware[:] = [middleware for middleware in app.user_middleware if middleware.cls is not CORSMiddleware]
if origins():
    app.add_middleware(
        CORSMiddleware, allow_origins=origins(), allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
    )
app.add_exception_handler(HTTPException, http_error)
for kind in (MONAILabelException, ValueError, TypeError, AttributeError, OSError):
    app.add_exception_handler(kind, client_error)
app.dependency_overrides[get_current_user] = token_user


def add_routes() -> None:
    """Serve this package's endpoints, and MONAI Label's others in worker threads."""
    app.router.routes[:] = [route for route in app.routes if getattr(route, "path", None) in KEPT]
    modules = (*STOCK, login) if settings.MONAI_LABEL_AUTH_ENABLE else STOCK
    routers = [endpoints, documents, *(module.router for module in modules)]
    served: set[tuple[str, str]] = set()
    for route in (route for router in routers for route in router.routes if isinstance(route, APIRoute)):
        requests = {(route.path, method) for method in route.methods}
        if not requests & served:
            named = NAMED.fullmatch(route.path) if "POST" in route.methods else None
            add_in_workers(app, route, settings.MONAI_LABEL_API_STR, [known_name(*named.groups())] if named else ())
            served |= requests
    add_documents(app)


add_routes()
add_page(app)
