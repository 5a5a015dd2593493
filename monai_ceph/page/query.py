"""What the page asks: the parameters and the body of a request, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.requests import Request

from monai_ceph.spacing import check_spacing

LARGEST_BYTES = {"application/json": 1_000_000, "application/octet-stream": 400_000_000}


class Query:
    """A request: parameters of its address, its body, and the user who has logged in."""

    def __init__(self, parameters: Mapping[str, str], body: bytes, user: str | None) -> None:
        self.parameters, self.body, self.user = parameters, body, user

    @property
    def json(self) -> dict[str, Any]:
        try:
            content = json.loads(self.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise ValueError(f"Expected JSON in the request: {error}.") from error
        if not isinstance(content, dict):
            raise ValueError(f"Expected a JSON object in the request, got {type(content).__name__}.")
        return content

    @property
    def film(self) -> str:
        return self.parameter("film")

    @property
    def who(self) -> str:
        """The annotator: the user who has logged in, else the name that the page was given."""
        return self.user or self.text("user")

    def parameter(self, key: str) -> str:
        if not self.parameters.get(key):
            raise ValueError(f"Expected '{key}' in the address.")
        return self.parameters[key]

    def text(self, key: str) -> str:
        value = self.json.get(key, "")
        if not isinstance(value, str):
            raise ValueError(f"Expected a text as '{key}', got {type(value).__name__}.")
        return value

    @property
    def spacing(self) -> tuple[float, float] | None:
        """The size of a pixel that the page measured with its ruler; None without one."""
        spacing_mm = self.json.get("spacing_mm")
        return None if spacing_mm is None else check_spacing(spacing_mm, "spacing_mm")

    def number(self, key: str, default: float) -> float:
        try:
            return float(self.parameters.get(key, default))
        except ValueError:
            raise ValueError(f"Expected a number as '{key}', got {self.parameters[key]!r}.") from None

    def points(self, count: int) -> np.ndarray:
        """Return the points of the request, (count, 2), film pixels; NaN where a landmark cannot be seen."""
        points = self.json.get("points", ())
        try:
            points_px = np.array([[np.nan, np.nan] if p is None else [float(x) for x in p] for p in points])
        except (TypeError, ValueError):
            points_px = np.empty(0)
        if points_px.shape != (count, 2) or np.isinf(points_px).any():
            raise ValueError(f"Expected {count} points, each [x, y] or null.")
        return points_px


async def read_body(request: Request) -> bytes:
    """Return a request's body; refuse kinds that a form of another page could send, and what is too large."""
    if request.method in ("GET", "DELETE"):
        return b""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in LARGEST_BYTES:
        raise HTTPException(415, f"Expected one of {', '.join(LARGEST_BYTES)} as Content-Type, got '{kind}'.")
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_BYTES[kind]:
            raise HTTPException(413, f"Expected at most {LARGEST_BYTES[kind] / 1e6:g} MB.")
    return bytes(content)
