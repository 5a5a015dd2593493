"""Draw the picture of docs/monai_label.md: a proposal of the model on a drawn film and its correction.

The annotator is the drawing's own truth. Run by ``make figures``; takes seconds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from monai_ceph.phantoms import draw_phantom, write_phantoms
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.writers.overlay import draw_overlay

REPOSITORY = Path(__file__).resolve().parents[1]
FILM: dict[str, Any] = {"seed": 4, "size": (968, 1200), "spacing_mm": 0.2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "images", help="default: docs/images")
    arguments = parser.parse_args()
    system = load_torch_predictor(spacing_mm=FILM["spacing_mm"])
    with tempfile.TemporaryDirectory() as folder:
        [film] = write_phantoms(folder, 1, **FILM)
        proposal = system.predict(system.load(film))
    phantom = draw_phantom(**FILM)
    picture = draw_overlay(phantom.image, proposal, phantom.points_px, legend=False)
    picture.save(arguments.output / "label.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main()
