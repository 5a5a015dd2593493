"""MONAI Label's web application with stricter defaults.

    monailabel start_server --app ... --studies ... --uvicorn_app monai_ceph.label.server:app

It differs from ``monailabel.app:app`` in this:

- Only the pages in ``MONAI_LABEL_CORS_ORIGINS`` may use the server from a browser (stock: any page).
- A client's mistake is answered with 4xx and a message (stock: 500). So is an unknown name (stock: a process is started
  and fails).
- Tokens are checked, and labels are stored under the token's user (:mod:`monai_ceph.label.user`).
- The endpoints for whole-slide images and OHIF and the DICOMweb proxy are removed: they cannot show landmarks, and the
  proxy would open the DICOMweb store to everybody.
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

from monai_ceph.label.app import CephalometricApp, find_registered
from monai_ceph.label.user import token_user

ELSEWHERE = ("/infer/wsi", "/ohif", "/proxy", "/reload")
"""Paths that are not served."""
NAMES = re.compile(r"/(infer|batch/infer|train|scoring|activelearning)/([^/]+)")

app = monailabel.app.app


class Gate:
    """Answer 404 for removed endpoints and for unknown names, before a process is started for them.

    This is plain ASGI because Starlette's ``BaseHTTPMiddleware`` drops background tasks, here the removal of temporary
    files, when the client disconnects early.
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
        if method == "POST" and (match := NAMES.fullmatch(path)) is not None:
            instance: CephalometricApp = app_instance()
            find_registered(*instance.registered(match[1]), match[2])


async def client_error(request: Request, error: Exception) -> Response:
    """Return 400 with a message for a malformed request; re-raise everything else, which becomes a 500."""
    if isinstance(error, MONAILabelException):
        return JSONResponse({"detail": error.msg}, 400)
    if isinstance(error, json.JSONDecodeError):
        return JSONResponse({"detail": f"Expected JSON: {error}."}, 400)
    server_fault = isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG
    if not server_fault and raised_in(error).startswith("monailabel.endpoints"):
        # For example a list instead of a JSON object, or a file suffix of 300 letters.
        return JSONResponse({"detail": f"The request's JSON or file does not have the expected form: {error}."}, 400)
    raise error


def raised_in(error: Exception) -> str:
    """Return the innermost module of MONAI Label or of this package in an error's traceback."""
    names = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((name for name in reversed(names) if name.startswith(("monailabel.", "monai_ceph."))), "")


async def http_error(request: Request, error: HTTPException) -> Response:
    """Return 400 where MONAI Label answers 500 to a request without a film or for a DICOM SEG."""
    if error.status_code == 500 and str(error.detail).startswith(("Neither Image", "DICOM SEG")):
        error = HTTPException(400, error.detail)
    return await http_exception_handler(request, error)


def origins() -> list[str]:
    """Return the origins whose pages may use this server, without the trailing slash that pydantic adds."""
    return [str(origin).rstrip("/") for origin in settings.MONAI_LABEL_CORS_ORIGINS]


app.user_middleware[:] = [middleware for middleware in app.user_middleware if middleware.cls is not CORSMiddleware]
app.add_middleware(Gate)
if origins():
    app.add_middleware(
        CORSMiddleware, allow_origins=origins(), allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
    )
app.add_exception_handler(HTTPException, http_error)
for kind in (MONAILabelException, ValueError, TypeError, AttributeError, OSError):
    app.add_exception_handler(kind, client_error)
app.dependency_overrides[get_current_user] = token_user
