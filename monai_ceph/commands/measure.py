"""``monai-ceph measure``: measure faces from points, such as corrected ones."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from monai_ceph.analysis import MEASUREMENTS, read_measurements
from monai_ceph.atomic import write_text
from monai_ceph.data.film_search import find_films
from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.data.isbi2015 import unique_films
from monai_ceph.evaluation.film_spacings import film_spacings
from monai_ceph.film_names import spelled_like
from monai_ceph.formats.annotations import natural_scheme, read_annotations
from monai_ceph.formats.measurement_table import measurements_csv_text
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.landmarks import get_scheme
from monai_ceph.prediction import annotated
from monai_ceph.spacing import check_spacing
from monai_ceph.wording import count, named


def run(
    source: Path,
    output: Path | None = None,
    *,
    spacing_mm: float | None = None,
    measurements: Path | None = None,
    scheme: str | Path | None = None,
    films: Path | None = None,
) -> None:
    """Measure the faces of films whose points are known.

    Args:
        source: what :func:`~monai_ceph.formats.annotations.read_annotations` reads.
        output: the table to write; None prints it.
        spacing_mm: size of a film pixel, for films whose size the source does not state.
        measurements: definitions to use instead of the shipped ones, see
            :func:`~monai_ceph.analysis.read_measurements`.
        scheme: landmark scheme of the source; None is that of its format.
        films: folder of the films, for markups that do not say which film they were made on.
    Raises:
        ValueError, OSError: nothing can be measured; the message says why.
    """
    definitions = MEASUREMENTS if measurements is None else read_measurements(measurements)
    files = {} if films is None else unique_films(find_films([films]))

    def frame_of(name: str) -> ViewerFrame | None:
        path = files.get(spelled_like([name], files)[name])
        return None if path is None else viewer_frame_apart(path)

    film_scheme = natural_scheme(source) if scheme is None else get_scheme(scheme)
    points = read_annotations(source, film_scheme, spacing_mm, frame_of)
    user_mm = None if spacing_mm is None else check_spacing(spacing_mm, "--spacing")
    known = [film for film in points.points_px if user_mm is not None or film in points.spacings_mm]
    spacings, remarks = film_spacings(known, [(str(source), points)], user_mm)
    if unknown := sorted(points.points_px.keys() - set(known)):
        remarks.append(
            f"The pixel spacing of {count(len(unknown), 'film')} ({named(unknown, 3)}) is unknown, so no length is "
            "measured there; give it with --spacing."
        )
    measured = []
    for film, points_px in points.points_px.items():
        said = points.sources.get(film)
        face = annotated(film if said is None or said.name is None else said.name, film_scheme, points_px)
        measured.append(replace(face, spacing_mm=spacings.get(film)))
    for sentence in dict.fromkeys([*points.problems, *remarks]):
        print(f"monai-ceph measure: {sentence}", file=sys.stderr)
    table = measurements_csv_text(measured, definitions)
    if output is None:
        print(table, end="")
    else:
        write_text(output, table)
        print(f"{output}: {count(len(measured), 'film')}")
