"""Pages of the server that need no internet: its requests and its log. MONAI Label's load scripts from other hosts."""

from __future__ import annotations

from collections import deque
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from monailabel.config import settings
from monailabel.endpoints.user.auth import User

from monai_ceph.label.endpoints import ADMIN

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
STYLE = "body{font:16px sans-serif;margin:2em} td,th{text-align:left;vertical-align:top;padding:.2em 1em .2em 0}"
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><style>{style}</style>{head}</head>
<body><h1>{title}</h1>
{body}
</body>
</html>
"""

router = APIRouter()


def add_documents(app: FastAPI) -> None:
    """Serve ``/docs``, a table of the requests; ``/`` leads there."""

    @app.get("/docs", include_in_schema=False)
    def requests() -> HTMLResponse:
        return page(app.title, requests_table(app.openapi()))

    @app.get("/", include_in_schema=False, response_class=RedirectResponse)
    def start() -> str:
        return "/docs"


@router.get("/logs/", tags=["Others"], summary="Get the end of the log")
def get_log(lines: int = 300, html: bool = True, text: bool = False, refresh: int = 0, user: User = ADMIN) -> Response:
    """Return the log's last lines as a page, or as text with ``text=true``; all of it with ``lines=0``."""
    file = Path(settings.MONAI_LABEL_APP_DIR, "logs", "app.log")
    if not file.is_file():
        raise HTTPException(404, f"There is no log '{file}' yet.")
    with file.open(encoding="utf-8", errors="replace") as log:
        content = "".join(deque(log, lines or None))
    if text or not html:
        return PlainTextResponse(content)
    again = f'<meta http-equiv="refresh" content="{max(refresh, 3)}">' if refresh > 0 else ""
    return page("Log", f"<pre>{escape(content)}</pre>", again)


def page(title: str, body: str, head: str = "") -> HTMLResponse:
    """Return a page; ``body`` and ``head`` are HTML."""
    return HTMLResponse(PAGE.format(title=escape(title), style=STYLE, head=head, body=body), headers=HEADERS)


def requests_table(openapi: dict[str, Any]) -> str:
    """Return an HTML table of the requests in an OpenAPI description.

    >>> requests_table({"paths": {"/info/": {"get": {"summary": "App <info>", "parameters": [{"name": "a"}]}}}})
    '<table>\\n<tr><td>GET<td><code>/info/</code><td>App &lt;info&gt;<td>a\\n</table>'
    """
    rows = []
    for path, methods in openapi["paths"].items():
        for method, what in methods.items():
            names = ", ".join(parameter["name"] for parameter in what.get("parameters", []))
            cells = (method.upper(), f"<code>{escape(path)}</code>", escape(what.get("summary", "")), escape(names))
            rows.append(f"<tr><td>{'<td>'.join(cells)}")
    return "\n".join(["<table>", *rows, "</table>"])
