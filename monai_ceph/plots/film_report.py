"""Write the report of one film with its pictures, as PDF and as HTML."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.plots.film_tracing import film_tracing
from monai_ceph.plots.report_page import report_page
from monai_ceph.plots.save import as_svg, save_pdf
from monai_ceph.plots.wigglegram import Deviation, wigglegram
from monai_ceph.writers.film_report import HEADING, FilmReport, html_film_report, rows


def write_film_report(pdf: str | Path, html: str | Path, film: np.ndarray, report: FilmReport) -> None:
    """Write the report of one film, each file completely or not at all.

    Args:
        pdf: file for one page, A4.
        html: file for a self-contained page.
        film: (X, Y), any gray values.
        report: what to show.
    Raises:
        ImportError: matplotlib or Jinja2 is missing; the message names the extra.
        OSError: a file cannot be written.

    >>> from monai_ceph.landmarks import ISBI19
    >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
    >>> from monai_ceph.prediction import Prediction
    >>> from monai_ceph.writers.film_report import film_report
    >>> prediction = Prediction("a.png", ISBI19, MEAN_MM - MEAN_MM.min(0), np.ones(19), (1.0, 1.0), "user")
    >>> film = np.random.default_rng(0).random((150, 180))
    >>> write_film_report("a.pdf", "a.html", film, film_report(prediction, film.shape, "drawn"))
    >>> Path("a.pdf").read_bytes()[:5]
    b'%PDF-'
    """
    save_pdf(report_page(film, report), pdf, HEADING)
    known = [row for row in rows(report.measurements) if row.z_text]
    deviations = [Deviation(row.analysis, f"{row.analysis}: {row.name}", row.z, row.z_low, row.z_high) for row in known]
    chart = as_svg(wigglegram(deviations)) if deviations else ""
    write_text(html, html_film_report(report, as_svg(film_tracing(film, report.prediction)), chart))


def check_report_extra() -> None:
    """Raise ImportError if what a report needs is not installed; the message names the extra."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(f"A report needs {error.name}; install it with: pip install 'monai-ceph[report]'") from error
