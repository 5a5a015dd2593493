"""Figures as files and as text: the same figure gives the same bytes, whenever and wherever it is drawn."""

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
    "svg.hashsalt": "monai_ceph",  # ids by content alone, or each run would have its own
    "svg.fonttype": "none",  # text stays text: it can be searched, selected and read aloud
}
_settings = threading.Lock()
"""matplotlib takes these settings from the process alone: one figure at a time is turned into SVG."""


def as_svg(figure: Figure) -> str:
    """A figure as an ``<svg>`` element, to stand by itself or inside an HTML page.

    It names no date, no program and no address beyond its namespaces, and no ids of groups, which would be doubled in a
    page with several figures.
    """
    import matplotlib

    text = io.StringIO()
    with _settings, matplotlib.rc_context(_SVG_SETTINGS), warnings.catch_warnings():
        # Whoever looks at the text brings the font for it; only the PNG has to have every letter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        _settle(figure)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", metadata=nothing)
    svg = text.getvalue()
    return re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :])


def save_plot(figure: Figure, path: str | Path) -> tuple[Path, Path]:
    """Writes ``<path>.svg`` and ``<path>.png``, each whole or not at all.

    Args:
        figure: any figure of this package.
        path: without suffix.
    Returns:
        The two files.
    Raises:
        OSError: a file cannot be written; the message names it and the remedy.
    """
    svg, png = (Path(f"{path}{suffix}") for suffix in (".svg", ".png"))
    write_text(svg, as_svg(figure))  # settles the figure
    with atomic_path(png) as temporary:
        figure.savefig(temporary, dpi=PNG_DPI, metadata={"Software": None})
    return svg, png


def _settle(figure: Figure) -> None:
    """Lays the figure out, once: laid out anew at each drawing, its parts would move a little each time."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
