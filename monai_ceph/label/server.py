"""The web application: MONAI Label's, with what it leaves open closed.

    monailabel start_server --app ... --studies ... --uvicorn_app monai_ceph.label.server:app

What is other than in ``monailabel.app:app``:

- pages of other servers may not use it from a browser (stock: any may), but those of ``MONAI_LABEL_CORS_ORIGINS``
- a user's mistake is answered with 4xx and a sentence (stock: 500), also where a name is unknown (stock: starts a
  process that fails)
- tokens are checked, and labels kept under their user's name (:mod:`monai_ceph.label.user`)
- what is for whole-slide images, OHIF and its proxy is not there: none of it can show landmarks, and the proxy opens
  the DICOMweb store to everybody
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import PurePath

import monailabel.app
from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from monailabel.config import settings
from monailabel.endpoints.user.auth import get_current_user
from monailabel.interfaces.exception import MONAILabelException
from monailabel.interfaces.utils.app import app_instance
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware

from monai_ceph.label.app import CephalometricApp, known
from monai_ceph.label.user import token_user

ELSEWHERE = ("/infer/wsi", "/ohif", "/proxy", "/reload")
"""Paths that are not served."""
NAMES = re.compile(r"/(infer|batch/infer|train|scoring|activelearning)/([^/]+)")

app = monailabel.app.app


async def check_name(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
    """A 404 for a model, strategy or scoring method that is not there, before a process is started for it."""
    named = NAMES.fullmatch(request.url.path) if request.method == "POST" else None
    if named is not None:
        instance: CephalometricApp = app_instance()
        try:
            known(*instance.registered(named[1]), named[2])
        except HTTPException as error:
            return await http_exception_handler(request, error)
    return await proceed(request)


async def client_error(request: Request, error: Exception) -> Response:
    """400 with a sentence for what a request got wrong; all else is raised on, and answered with 500."""
    if isinstance(error, MONAILabelException):
        return JSONResponse({"detail": error.msg}, 400)
    if isinstance(error, json.JSONDecodeError):
        return JSONResponse({"detail": f"Expected JSON: {error}."}, 400)
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    # JSON of another shape than an endpoint of MONAI Label expects, a list for an object, fails in the endpoint.
    if frame is not None and PurePath(frame.tb_frame.f_code.co_filename).parent.name == "endpoints":
        return JSONResponse({"detail": f"The request's JSON is not of the shape that is expected: {error}."}, 400)
    raise error


async def http_error(request: Request, error: HTTPException) -> Response:
    """MONAI Label's infer endpoint answers 500 where the request names no film, or asks for a DICOM SEG."""
    if error.status_code == 500 and str(error.detail).startswith(("Neither Image", "DICOM SEG")):
        error = HTTPException(400, error.detail)
    return await http_exception_handler(request, error)


def origins() -> list[str]:
    """Whose pages may use this server; pydantic ends an address with a slash that no browser sends."""
    return [str(origin).rstrip("/") for origin in settings.MONAI_LABEL_CORS_ORIGINS]


app.user_middleware[:] = [one for one in app.user_middleware if one.cls is not CORSMiddleware]
app.add_middleware(BaseHTTPMiddleware, dispatch=check_name)
if origins():
    app.add_middleware(
        CORSMiddleware, allow_origins=origins(), allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
    )
app.router.routes[:] = [one for one in app.router.routes if not getattr(one, "path", "").startswith(ELSEWHERE)]
app.add_exception_handler(HTTPException, http_error)  # type: ignore[arg-type]
for kind in (MONAILabelException, ValueError, TypeError, AttributeError):
    app.add_exception_handler(kind, client_error)
app.dependency_overrides[get_current_user] = token_user
