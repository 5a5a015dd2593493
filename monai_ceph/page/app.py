"""The page's web application: files of the built page, and its requests as JSON.

Requests that change something are PUT, POST with JSON, or DELETE. A browser lets a page of another origin send these
only after the server has agreed, which this one never does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from monai_ceph.analysis.tracing import trace
from monai_ceph.formats.landmark_table import landmarks_csv_text
from monai_ceph.formats.markups import markups_name, markups_text
from monai_ceph.page import STATIC
from monai_ceph.page.film_picture import FilmPicture, film_png
from monai_ceph.page.json_values import json_values
from monai_ceph.page.query import Query, read_body
from monai_ceph.page.review import measured, warn
from monai_ceph.page.work import LabelRefusedError, Role, Work
from monai_ceph.predictor.bundle import root_cause

HEADERS = {
    # Scripts, styles and requests of this server alone; a label or a film's name can never become a script.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PRESENT_S = 30
"""Seconds for which somebody counts as being on a film after the page's last request."""


class Presence:
    """Remember who has which film open."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, float]] = {}
        self._lock = Lock()

    def note(self, who: str, film: str) -> list[str]:
        """Note that somebody has a film open; return who else has."""
        now = time.monotonic()
        with self._lock:
            self._seen = {name: seen for name, seen in self._seen.items() if seen[1] > now - PRESENT_S}
            self._seen[who] = film, now
            return sorted(name for name, (other, _) in self._seen.items() if other == film and name != who)


async def with_headers(request: Request, answer: RequestResponseEndpoint) -> Response:
    """Add :data:`HEADERS` to every answer."""
    response = await answer(request)
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def page_app(work: Work) -> Starlette:
    """Return the page's application; its addresses are relative, so it can be mounted anywhere."""
    return Starlette(
        routes=[*Page(work).routes(), Mount("/", StaticFiles(directory=STATIC, html=True))],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=with_headers)],
        exception_handlers=ERRORS,
    )


class Page:
    """Answer the page's requests. Each method is one address, and runs in a thread: it may read films or predict."""

    def __init__(self, work: Work) -> None:
        self.work, self.presence, self.face_shape = work, Presence(), work.face_shape()

    def routes(self) -> list[Route]:
        return [
            Route("/api/info", self._info, methods=["GET"]),
            self._route("GET", "films", self.films),
            self._route("GET", "film", self.film),
            self._route("GET", "film.png", self.film_png),
            self._route("GET", "prediction", self.prediction),
            self._route("GET", "markups", self.markups),
            self._route("GET", "export.csv", self.export_csv),
            self._route("POST", "here", self.here),
            self._route("POST", "review", self.review),
            self._route("POST", "next", self.next_film),
            self._route("PUT", "label", self.save, "annotator"),
            self._route("PUT", "film", self.add_film, "annotator"),
            self._route("GET", "training", self.training),
            self._route("POST", "training", self.train, "admin"),
            self._route("DELETE", "training", self.stop_training, "admin"),
            self._route("PUT", "weights", self.restore_weights, "admin"),
        ]

    def _route(self, method: str, path: str, answer: Callable[[Query], Any], role: Role = "user") -> Route:
        async def endpoint(request: Request) -> Response:
            user = await authenticated(self.work, request, role)
            query = Query(request.query_params, await read_body(request), user)
            result = await run_in_threadpool(answer, query)
            return result if isinstance(result, Response) else JSONResponse(result)

        return Route(f"/api/{path}", endpoint, methods=[method])

    async def _info(self, request: Request) -> Response:
        """Answer what the page needs before anybody has logged in."""
        try:
            user, allowed = await authenticated(self.work, request, "user"), True
        except HTTPException:
            user, allowed = None, False
        scheme = [vars(landmark) for landmark in self.work.scheme.landmarks]
        return JSONResponse({**vars(self.work.offer()), "scheme": scheme, "user": user, "allowed": allowed})

    def films(self, query: Query) -> Any:
        return {"revision": self.work.revision(), "films": [vars(row) for row in self.work.films()]}

    def film(self, query: Query) -> Any:
        picture = self.picture(query)
        return {
            "film": query.film,
            "size": picture.film.shape,
            "spacing_mm": picture.info.spacing_mm,
            "window": picture.window,
            "range": [float(picture.film.min()), float(picture.film.max())],
            "labels": [
                {"user": label.user, "points": json_values(label.points_px), "final": label.final}
                for label in self.work.labels(query.film)
            ],
        }

    def picture(self, query: Query) -> FilmPicture:
        return self.work.pictures.get(self.work.film(query.film))

    def film_png(self, query: Query) -> Response:
        picture = self.picture(query)
        low, high = (query.number(key, default) for key, default in zip(("low", "high"), picture.window, strict=True))
        return Response(film_png(picture.film, (low, high)), media_type="image/png")

    def prediction(self, query: Query) -> Any:
        prediction = self.work.predict(query.film)
        radius90_mm, covariance_mm2 = prediction.radius90_mm, prediction.covariance_mm2
        return {
            "points": json_values(prediction.points_px),
            "confidence": json_values(prediction.confidence),
            "status": prediction.statuses,
            "radius90_mm": None if radius90_mm is None else json_values(radius90_mm),
            "covariance_mm2": None if covariance_mm2 is None else json_values(covariance_mm2),
            "remarks": list(prediction.remarks),
            "doubts": list(prediction.doubts),
            "spacing_mm": prediction.spacing_mm,
        }

    def review(self, query: Query) -> Any:
        scheme = self.work.scheme
        points_px, proposal = query.points(len(scheme)), self.work.predict(query.film)
        spacing = self.picture(query).info.spacing_mm or query.spacing
        warnings = warn(points_px, proposal.points_px, spacing, scheme, self.face_shape)
        return {
            "warnings": [vars(warning) for warning in warnings],
            "measurements": measured(points_px, spacing, scheme, proposal),
            "lines": [line.ends_px.tolist() for line in trace(points_px, scheme)],
        }

    def save(self, query: Query) -> Any:
        points_px, options = query.points(len(self.work.scheme)), query.json
        chosen = {key: options.get(key) is True for key in ("force", "replace")}
        final = self.work.save(query.film, points_px, query.who, **chosen)
        return {"revision": self.work.revision(), "final": final}

    def here(self, query: Query) -> Any:
        others = self.presence.note(query.who, query.text("film")) if query.who else []
        return {"others": others, "revision": self.work.revision()}

    def next_film(self, query: Query) -> Any:
        return {"film": self.work.next_film(query.text("strategy"), query.who)}

    def add_film(self, query: Query) -> Any:
        return {"film": self.work.add_film(query.parameter("name"), query.body)}

    def markups(self, query: Query) -> Response:
        """Answer the points of a film as 3D Slicer markups: a user's label, or the proposal."""
        prediction, user = self.work.predict(query.film), query.parameters.get("user")
        if user is not None:
            labels = {label.user: label.points_px for label in self.work.labels(query.film)}
            if user not in labels:
                raise LookupError(f"'{user}' has saved no label of this film.")
            prediction = self.work.annotated(query.film, labels[user])
        text = markups_text(prediction, self.work.frame(query.film))
        return download(text, "application/json", markups_name(prediction.image))

    def export_csv(self, query: Query) -> Response:
        return download(landmarks_csv_text(self.work.export()), "text/csv", "landmarks.csv")

    def training(self, query: Query) -> Any:
        return self.work.training()

    def train(self, query: Query) -> Any:
        self.work.train(query.json)
        return self.work.training()

    def stop_training(self, query: Query) -> Any:
        self.work.stop_training()
        return self.work.training()

    def restore_weights(self, query: Query) -> Any:
        self.work.restore_weights(query.text("name"))
        return self.work.training()


async def authenticated(work: Work, request: Request, role: Role) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return await work.authenticate(token if scheme.lower() == "bearer" else "", role)


def download(content: str, kind: str, name: str) -> Response:
    # The page gives the file its name; here only what a header can hold.
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{plain}"'})


async def _error(request: Request, error: Exception) -> Response:
    """Answer an error with a status and its message."""
    cause = root_cause(error)
    status = next((code for kind, code in _STATUS.items() if isinstance(cause, kind)), None)
    if status is None:
        raise error
    return JSONResponse({"detail": str(cause.args[0] if cause.args else cause), "odd": status == 409}, status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


_STATUS: dict[type[Exception], int] = {
    LabelRefusedError: 409,
    LookupError: 404,
    FileExistsError: 400,
    ValueError: 400,
    OSError: 507,
}
ERRORS: dict[Any, Any] = {
    HTTPException: _http_error,
    **{kind: _error for kind in (ValueError, LookupError, OSError, RuntimeError)},
}
