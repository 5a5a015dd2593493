"""Run MONAI Label's endpoints in worker threads: a request that takes long holds up no other."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Sequence
from functools import cache, wraps
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, params
from fastapi.routing import APIRoute

LONG = ("/infer", "/batch", "/train", "/scoring", "/model", "/session", "/datastore/dataset", "/datastore/image")
"""Beginnings of the paths of requests that may take long: inference, tasks that run at once, films and weights."""
AT_ONCE = 8
"""How many of those run or wait in threads at the same time, so that threads are left for all others."""

Endpoint = Callable[..., Coroutine[Any, Any, Any]]


def add_in_workers(
    app: FastAPI, route: APIRoute, prefix: str = "", dependencies: Sequence[params.Depends] = ()
) -> None:
    """Add a route to an application whose endpoint runs in a worker thread, if it is a coroutine function.

    MONAI Label's are coroutine functions that never wait, so while one runs, the server answers nobody else. The path
    answers with and without a slash at its end; MONAI Label redirects from one to the other, and curl does not follow.

    Args:
        app: the application.
        route: of one of MONAI Label's routers.
        prefix: what to put before its path.
        dependencies: what FastAPI calls before the endpoint.
    """
    endpoint = route.endpoint
    if inspect.iscoroutinefunction(endpoint):
        endpoint = in_worker(endpoint, long_requests if route.path.startswith(LONG) else lambda: None)
    other = route.path.removesuffix("/") if route.path.endswith("/") else f"{route.path}/"
    for path in (route.path, other):
        app.add_api_route(
            f"{prefix}{path}",
            endpoint,
            methods=list(route.methods),
            tags=route.tags,
            summary=route.summary,
            deprecated=route.deprecated,
            dependencies=dependencies,
            include_in_schema=route.include_in_schema and path == route.path,
            response_model=route.response_model,
        )


def in_worker(endpoint: Endpoint, limiter: Callable[[], CapacityLimiter | None]) -> Endpoint:
    """Return an endpoint that runs a coroutine function in a worker thread, in an event loop of its own.

    Args:
        endpoint: the coroutine function.
        limiter: returns what limits how many of these run at once; None for the threads' own limit.
    """

    @wraps(endpoint)
    async def run(**arguments: Any) -> Any:
        return await to_thread.run_sync(lambda: asyncio.run(endpoint(**arguments)), limiter=limiter())

    return run


@cache
def long_requests() -> CapacityLimiter:
    """Return the limiter of requests that may take long; made in the event loop that uses it."""
    return CapacityLimiter(AT_ONCE)
