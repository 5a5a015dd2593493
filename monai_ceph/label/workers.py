"""Run MONAI Label's endpoints in worker threads: a request that takes long holds up no other."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import cache, partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from fastapi.routing import APIRoute

LONG = ("/infer", "/batch", "/train", "/scoring", "/model", "/session", "/datastore/dataset", "/datastore/image")
"""Beginnings of the paths of requests that may take long: inference, tasks that run at once, films and weights."""
AT_ONCE = 8
"""How many of those run or wait in threads at the same time, so that threads are left for all others."""

Endpoint = Callable[..., Coroutine[Any, Any, Any]]


def add_in_workers(app: FastAPI, route: APIRoute, prefix: str = "") -> None:
    """Add a route to an application whose endpoint runs in a worker thread, if it is a coroutine function.

    MONAI Label's are coroutine functions that never wait, so while one runs, the server answers nobody else.

    Args:
        app: the application.
        route: of one of MONAI Label's routers.
        prefix: what to put before its path.
    """
    endpoint = route.endpoint
    if inspect.iscoroutinefunction(endpoint):
        endpoint = in_worker(endpoint, long_requests if route.path.startswith(LONG) else lambda: None)
    app.add_api_route(
        f"{prefix}{route.path}",
        endpoint,
        methods=list(route.methods),
        tags=route.tags,
        summary=route.summary,
        deprecated=route.deprecated,
        include_in_schema=route.include_in_schema,
        response_model=route.response_model,
    )


def in_worker(endpoint: Endpoint, limiter: Callable[[], CapacityLimiter | None]) -> Endpoint:
    """Return an endpoint that runs a coroutine function that never waits in a worker thread.

    Args:
        endpoint: the coroutine function.
        limiter: returns what limits how many of these run at once; None for the threads' own limit.
    """

    async def run(**given: Any) -> Any:
        return await to_thread.run_sync(partial(_finish, endpoint, given), limiter=limiter())

    run.__signature__ = inspect.signature(endpoint)  # type: ignore[attr-defined]
    run.__name__, run.__doc__ = endpoint.__name__, endpoint.__doc__
    return run


@cache
def long_requests() -> CapacityLimiter:
    """Return the limiter of requests that may take long; made in the event loop that uses it."""
    return CapacityLimiter(AT_ONCE)


def _finish(endpoint: Endpoint, given: dict[str, Any]) -> Any:
    """Run a coroutine that never waits to its end."""
    coroutine = endpoint(**given)
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise RuntimeError(f"{endpoint.__name__} waits for something; it cannot run in a worker thread.")
