"""Save plots reproducibly: the same plot always gives the same bytes."""

from __future__ import annotations

import io
import re
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from monai_ceph.atomic import atomic_path, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PNG_DPI = 150
_SVG_SETTINGS = {
    "svg.hashsalt": "monai_ceph",  # without a salt, ids differ from run to run
    "svg.fonttype": "none",  # text can then be searched, selected and read by screen readers
}
_settings = threading.Lock()
"""Held while an SVG or PDF is written, because matplotlib's settings are global to the process."""


def as_svg(figure: Figure) -> str:
    """Return a figure as an ``<svg>`` element for a file of its own or an HTML page.

    The element has no date, program name or address except its namespaces, and no ids of groups, which would clash in a
    page with several plots.

    >>> import numpy as np
    >>> from monai_ceph.plots import error_box_plot
    >>> as_svg(error_box_plot(np.ones((3, 1)), ["S"]))[:4]
    '<svg'
    """
    import matplotlib

    text = io.StringIO()
    with _settings, matplotlib.rc_context(_SVG_SETTINGS), warnings.catch_warnings():
        # An SVG is rendered with the viewer's fonts; only a PNG needs every glyph here.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        _fix_layout(figure)
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", metadata=no_metadata)
    svg = text.getvalue()
    return re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :])


def save_plot(figure: Figure, path: str | Path) -> tuple[Path, Path]:
    """Write ``<path>.svg`` and ``<path>.png``, each completely or not at all.

    Args:
        figure: any plot of this package.
        path: file name without suffix.
    Returns:
        The paths of both files.
    Raises:
        OSError: a file cannot be written; the message names it and the remedy.

    >>> import numpy as np
    >>> from monai_ceph.plots import error_box_plot
    >>> [path.name for path in save_plot(error_box_plot(np.ones((3, 1)), ["S"]), "errors")]
    ['errors.svg', 'errors.png']
    """
    svg, png = (Path(f"{path}{suffix}") for suffix in (".svg", ".png"))
    write_text(svg, as_svg(figure))  # this fixes the layout
    with atomic_path(png) as temporary:
        figure.savefig(temporary, dpi=PNG_DPI, metadata={"Software": None})
    return svg, png


def save_pdf(figure: Figure, path: str | Path, title: str) -> None:
    """Write a figure as a PDF of one page, completely or not at all. Its text can be searched.

    Args:
        figure: a page.
        path: the file.
        title: what viewers show as the document's title.
    Raises:
        OSError: the file cannot be written; the message names it and the remedy.
    """
    import matplotlib

    with (
        atomic_path(path) as temporary,
        _settings,
        matplotlib.rc_context({"pdf.fonttype": 42}),
        warnings.catch_warnings(),
    ):
        # A name in a script that the font lacks is shown as boxes; an HTML page has it in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary, format="pdf", metadata={"CreationDate": None, "Title": title})


def _fix_layout(figure: Figure) -> None:
    """Lay the figure out once; otherwise its parts move slightly each time it is drawn."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
