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

import errno
import json
import re
import traceback

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
from starlette.types import ASGIApp, Receive, Scope, Send

from monai_ceph.label.app import CephalometricApp, known
from monai_ceph.label.user import token_user

ELSEWHERE = ("/infer/wsi", "/ohif", "/proxy", "/reload")
"""Paths that are not served."""
NAMES = re.compile(r"/(infer|batch/infer|train|scoring|activelearning)/([^/]+)")

app = monailabel.app.app


class Gate:
    """A 404 for what is not served, and for a name that is not there, before a process is started for it.

    Plain ASGI: Starlette's ``BaseHTTPMiddleware`` drops what was left to do after the response, the removal of
    temporary files, when the client hangs up first.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self.check(scope["method"], scope["path"].removeprefix(settings.MONAI_LABEL_API_STR))
            except HTTPException as error:
                refusal = await http_exception_handler(Request(scope), error)
                return await refusal(scope, receive, send)
        await self.app(scope, receive, send)

    def check(self, method: str, path: str) -> None:
        if path.startswith(ELSEWHERE):
            raise HTTPException(404, "This is not served here.")
        if method == "POST" and (named := NAMES.fullmatch(path)) is not None:
            instance: CephalometricApp = app_instance()
            known(*instance.registered(named[1]), named[2])


async def client_error(request: Request, error: Exception) -> Response:
    """400 with a sentence for what a request got wrong; all else is raised on, and answered with 500."""
    if isinstance(error, MONAILabelException):
        return JSONResponse({"detail": error.msg}, 400)
    if isinstance(error, json.JSONDecodeError):
        return JSONResponse({"detail": f"Expected JSON: {error}."}, 400)
    full_disk_or_so = isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG
    if not full_disk_or_so and raised_in(error).startswith("monailabel.endpoints"):
        # A list for a JSON object, or a file's suffix of 300 letters.
        return JSONResponse({"detail": f"The request's JSON or file is not of the expected form: {error}."}, 400)
    raise error


def raised_in(error: Exception) -> str:
    """The innermost module of MONAI Label or of this package that an error went through."""
    names = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((name for name in reversed(names) if name.startswith(("monailabel.", "monai_ceph."))), "")


async def http_error(request: Request, error: HTTPException) -> Response:
    """MONAI Label's infer endpoint answers 500 where the request names no film, or asks for a DICOM SEG."""
    if error.status_code == 500 and str(error.detail).startswith(("Neither Image", "DICOM SEG")):
        error = HTTPException(400, error.detail)
    return await http_exception_handler(request, error)


def origins() -> list[str]:
    """Whose pages may use this server; pydantic ends an address with a slash that no browser sends."""
    return [str(origin).rstrip("/") for origin in settings.MONAI_LABEL_CORS_ORIGINS]


app.user_middleware[:] = [one for one in app.user_middleware if one.cls is not CORSMiddleware]
app.add_middleware(Gate)
if origins():
    app.add_middleware(
        CORSMiddleware, allow_origins=origins(), allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
    )
app.add_exception_handler(HTTPException, http_error)  # type: ignore[arg-type]
for kind in (MONAILabelException, ValueError, TypeError, AttributeError, OSError):
    app.add_exception_handler(kind, client_error)
app.dependency_overrides[get_current_user] = token_user
