"""``monai-ceph calibrate``: estimate where a clinic marks each landmark, print it, and write the site file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_ceph.atomic import make_folder
from monai_ceph.calibration import calibrate, gain
from monai_ceph.site.calibration import SiteError
from monai_ceph.site.estimate import SiteEstimate
from monai_ceph.wording import count


def run(
    films: Path, annotations: Sequence[Path], output: Path, *, figures_dir: Path | None = None, **options: Any
) -> SiteEstimate:
    """Estimate a site calibration, print it and write it.

    Args:
        films, annotations, options: as in :func:`monai_ceph.calibration.calibrate`.
        output: the site file to write; its folder is made if needed.
        figures_dir: also write the plot to this folder, as SVG and PNG; created if needed.
    Returns:
        The estimate that was printed.
    Raises:
        SiteError: the films cannot be used, or held-out films become no better; nothing is written then.
        ImportError: SciPy is missing, or matplotlib for a figure.
    """
    estimate = calibrate(films, annotations, **options)
    print(estimate_text(estimate), end="")
    if not estimate.helps:
        raise SiteError(
            "Held-out films become no better, so no site file was written: the clinic marks the landmarks where the "
            "model does, or more films are needed."
        )
    make_folder(output.parent)
    estimate.site.write(output)
    if figures_dir is not None:
        from monai_ceph.plots import save_plot, site_calibration_plot

        save_plot(site_calibration_plot(estimate), make_folder(figures_dir) / "site_calibration")
    print(f"'{output}' written; use it with: monai-ceph predict FILM... --output DIR --site '{output}'")
    return estimate


def estimate_text(estimate: SiteEstimate) -> str:
    """Return an estimate as text for a terminal."""
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
