"""``monai-ceph convert``: read annotations in any format and write them in another."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from monai_ceph.data.film_search import find_films
from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.data.isbi2015 import unique_films
from monai_ceph.film_names import spelled_like
from monai_ceph.formats.annotations import natural_scheme, read_annotations
from monai_ceph.formats.convert import FilmFile, to_scheme, write_annotations
from monai_ceph.formats.points import check_annotations
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.landmarks import get_scheme
from monai_ceph.wording import count


def run(
    source: Path,
    output: Path,
    *,
    format: str,
    scheme: str | Path | None = None,
    from_scheme: str | Path | None = None,
    rename: Mapping[str, str] | None = None,
    films: Path | None = None,
    spacing_mm: float | None = None,
) -> int:
    """Convert annotations.

    Args:
        source: what :func:`~monai_ceph.formats.annotations.read_annotations` reads.
        output: the file to write, or the folder for formats with a file for each film.
        format: see :func:`~monai_ceph.formats.convert.write_annotations`.
        scheme: landmark scheme of the output; None is that of the source.
        from_scheme: landmark scheme of the source; None is that of its format, for tables and the like ``isbi19``.
        rename, spacing_mm: as in :func:`~monai_ceph.formats.convert.to_scheme` and ``write_annotations``.
        films: folder of the films: points are checked against them, and file names, sizes and frames are theirs.
    Returns:
        The number of films that could not be written; each is named on standard error, with all remarks on the source.
    Raises:
        ValueError, OSError: nothing can be converted; the message says why.
    """
    files = {} if films is None else unique_films(find_films([films]))

    def film(name: str) -> Path | None:
        return files.get(spelled_like([name], files)[name])

    def frame_of(name: str) -> ViewerFrame | None:
        path = film(name)
        return None if path is None else viewer_frame_apart(path)

    given = natural_scheme(source) if from_scheme is None else get_scheme(from_scheme)
    annotations = read_annotations(source, given, spacing_mm, frame_of).spelled_like(files)
    frames = {name: frame_of(name) for name in annotations.points_px}
    known = {
        name: FilmFile(path, frame.size, frame)
        for name, frame in frames.items()
        if frame is not None and (path := film(name)) is not None
    }
    remarks = [*annotations.problems]
    remarks += check_annotations(annotations, {name: file.size for name, file in known.items()} if films else None)
    if scheme is not None:
        annotations, lacking = to_scheme(annotations, get_scheme(scheme), rename)
        remarks += lacking
    elif rename:
        raise ValueError("--rename needs --scheme, the scheme that has the new symbols.")
    user_mm = None if spacing_mm is None else (spacing_mm, spacing_mm)
    failed = write_annotations(annotations, format, output, known, user_mm)
    for sentence in dict.fromkeys([*remarks, *failed]):
        print(f"monai-ceph convert: {sentence}", file=sys.stderr)
    print(f"{output}: {count(len(annotations.points_px) - len(failed), 'film')}")
    return len(failed)
