"""Draw the pictures of docs/report.md: phantom films with the points of their drawing. Run by ``make figures``."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms import draw_phantom
from monai_ceph.plots.report_page import report_page
from monai_ceph.plots.superimposition import superimposition_page
from monai_ceph.prediction import Prediction
from monai_ceph.writers.film_report import film_report
from monai_ceph.writers.superimposition import superimpose

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPOSITORY = Path(__file__).resolve().parents[1]
SPACING_MM = 0.15
DPI = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "images", help="default: docs/images")
    output = parser.parse_args().output
    film, prediction = drawn(seed=3)
    report = film_report(prediction, (film.shape[0], film.shape[1]), "none: these are the points of the drawing")
    save_page(report_page(film, report), output / "report.jpg")
    other, later = drawn(seed=5)
    pair = superimpose(replace(prediction, image="before.png"), replace(later, image="after.png"))
    save_page(superimposition_page(film, other, pair), output / "superimposition.jpg")


def drawn(seed: int) -> tuple[np.ndarray, Prediction]:
    """Return a phantom film and the points of its drawing."""
    phantom = draw_phantom(seed=seed, size=(1300, 1610), spacing_mm=SPACING_MM)
    spacing_mm = (SPACING_MM, SPACING_MM)
    unknown = np.full(len(ISBI19), np.nan)
    return phantom.image, Prediction("film.png", ISBI19, phantom.points_px, unknown, spacing_mm, "user")


def save_page(figure: Figure, path: Path) -> None:
    """Save a page as a picture. As a PNG, the film's noise would take three times the bytes."""
    with tempfile.TemporaryDirectory() as folder:
        figure.savefig(Path(folder) / "page.png", dpi=DPI)
        with Image.open(Path(folder) / "page.png") as picture:
            picture.convert("RGB").save(path, quality=88, optimize=True)


if __name__ == "__main__":
    main()
