"""Serve the page on this machine."""

from __future__ import annotations

import socket

from monai_ceph.page.work import Work

HOSTS = ["127.0.0.1", "localhost"]
"""Host names that are answered: a page of another site cannot reach this one through a name of its own."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raise OSError if the port is taken or the host or port is invalid."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        raise OSError(
            f"Cannot listen on {host}:{port} ({reason}). Another server may be running there: choose another --port, "
            "or --host 127.0.0.1."
        ) from error


def serve_page(work: Work, listening: socket.socket) -> None:
    """Serve the page to browsers of this machine until Ctrl-C.

    Args:
        work: the films.
        listening: see :func:`listen`.
    Raises:
        ImportError: the extra "view" is not installed.
    """
    try:
        import uvicorn
        from starlette.middleware.trustedhost import TrustedHostMiddleware

        from monai_ceph.page.app import page_app
    except ImportError as error:
        raise ImportError("monai-ceph view needs Starlette and uvicorn: pip install 'monai-ceph[view]'.") from error
    app = TrustedHostMiddleware(page_app(work), allowed_hosts=HOSTS)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
