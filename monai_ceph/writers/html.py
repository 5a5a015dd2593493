"""Fill the HTML templates of this folder: pages that load nothing from other servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_ceph import __version__

NOTICE = "Research only, not a medical device"


def render(template: str, extra: str = "report", **values: Any) -> str:
    """Return a page from a template and values, which are escaped.

    Args:
        template: file name; it extends ``page_base.html``, which says what values all pages need.
        extra: the extra that the error names if Jinja2 is missing.
        **values: what the template shows.
    Raises:
        ImportError: Jinja2 is missing; the message names the extra.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise ImportError(f"The HTML report needs Jinja2: pip install 'monai-ceph[{extra}]'.") from error
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FileSystemLoader(Path(__file__).parent),
    )
    return environment.get_template(template).render(notice=NOTICE, version=__version__, **values)
