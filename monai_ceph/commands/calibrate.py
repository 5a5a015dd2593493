"""Predict films that a clinic annotated, estimate how far its points lie from the predicted ones, and write a site file
for monai-ceph predict --site. Prints how each landmark will move, and how much better films become that were left out
of the estimate. Nothing is written if they become no better.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from monai_ceph.commands.options import add_predictor

if TYPE_CHECKING:
    from monai_ceph.site.estimate import SiteEstimate

HELP = "learn from a few annotated films where a clinic marks each landmark"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("films", type=Path, metavar="FILMS", help="folder of films; 5 to 10 annotated ones are enough")
    parser.add_argument(
        "annotations",
        nargs="+",
        type=Path,
        metavar="ANNOTATIONS",
        help="the clinic's annotations in any format that the package reads; of several observers, their mean counts",
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="FILE", help="site file to write, such as site.json"
    )
    add_predictor(parser, "bundle to calibrate (default: the shipped one)")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="also write the plot to DIR, as SVG and PNG")


def run(arguments: argparse.Namespace) -> int:
    from monai_ceph.atomic import make_folder
    from monai_ceph.calibration import calibrate
    from monai_ceph.site.calibration import SiteError

    output = arguments.output
    estimate = calibrate(
        arguments.films,
        arguments.annotations,
        spacing_mm=arguments.spacing,
        bundle=arguments.bundle,
        device=arguments.device,
        trust=arguments.trust_bundle,
    )
    print(estimate_text(estimate), end="")
    if not estimate.helps:
        raise SiteError(
            "Held-out films become no better, so no site file was written: the clinic marks the landmarks where the "
            "model does, or more films are needed."
        )
    make_folder(output.parent)
    estimate.site.write(output)
    if arguments.figures is not None:
        from monai_ceph.plots import save_plot, site_calibration_plot

        save_plot(site_calibration_plot(estimate), make_folder(arguments.figures) / "site_calibration")
    print(f"'{output}' written; use it with: monai-ceph predict FILM... --output DIR --site '{output}'")
    return 0


def estimate_text(estimate: SiteEstimate) -> str:
    """Return an estimate as text for a terminal."""
    from monai_ceph.calibration import gain
    from monai_ceph.wording import count

    site, change = estimate.site, gain(estimate)
    lines = [
        f"{count(len(estimate.films), 'film')}, weights {site.weights_sha256[:12]}, {site.date}",
        "",
        "How predicted points will move, in the frame of the face (x to the right, y down, as the face lies on most of",
        "the films), and the mean error of each landmark on films left out of the estimate:",
        "",
        "            x (mm)  y (mm)  in all  std. error  weight  films   error before  after (mm)",
    ]
    for row in estimate.to_frame().itertuples():
        error = (row.error_x_mm**2 + row.error_y_mm**2) ** 0.5
        lines.append(
            f"{row.landmark:<10}{row.x_mm:8.2f}{row.y_mm:8.2f}{row.shift_mm:8.2f}{error:12.2f}{row.weight:8.2f}"
            f"{row.films:7d}{row.before_mm:15.2f}{row.after_mm:12.2f}"
        )
    lines += [
        "",
        f"Mean error on films left out: {change.before_mm:.2f} mm before, {change.after_mm:.2f} mm after; change "
        f"{change.after_mm - change.before_mm:+.2f} mm, 95 % interval {change.low_mm:+.2f} to {change.high_mm:+.2f} mm",
        *(f"Note: {remark}" for remark in estimate.remarks),
    ]
    return "\n".join(lines) + "\n"
