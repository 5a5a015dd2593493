"""Read annotations from any supported source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.film_names import film_name
from monai_ceph.formats.aariz import parse_aariz
from monai_ceph.formats.cl_detection import parse_cl_detection
from monai_ceph.formats.coco_keypoints import parse_coco
from monai_ceph.formats.files import read_json
from monai_ceph.formats.isbi_text import read_isbi_text
from monai_ceph.formats.labelme import parse_labelme
from monai_ceph.formats.markups import parse_markups
from monai_ceph.formats.points import AnnotationError, Annotations, FilmPoints
from monai_ceph.formats.table import read_table, table_points
from monai_ceph.formats.table_cells import frame_cells
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.landmarks import AARIZ29, CL_DETECTION38, ISBI19, LandmarkScheme
from monai_ceph.spacing import check_spacing

if TYPE_CHECKING:
    import pandas as pd

_FORMATS = (
    "a .csv (image,landmark,x_px,y_px,... or image_path,1_x,1_y,...), a .json of CL-Detection or COCO keypoints, or "
    "one file or a folder of ISBI .txt, labelme .json, Aariz .json or Slicer .mrk.json"
)

_PARSERS: dict[str, Callable[[dict[str, Any], Path, LandmarkScheme], FilmPoints | dict[str, FilmPoints]]] = {
    "shapes": parse_labelme,
    "landmarks": parse_aariz,
    "points": parse_cl_detection,
    "annotations": parse_coco,
}
"""By the key of the JSON that tells the format."""

Spacing = float | Sequence[float]
_Place = tuple[tuple[float, float] | None, ViewerFrame | None]
"""A film's calibrated spacing, and the frame in which a viewer opens it."""


def read_annotations(
    path: str | Path,
    scheme: LandmarkScheme = ISBI19,
    spacing_mm: Spacing | Callable[[str], Spacing | None] | None = None,
    frame_of: Callable[[str], ViewerFrame | None] | None = None,
) -> Annotations:
    """Read one observer's points from any supported source.

    Args:
        path: a .csv, a .json of several films, a film's .txt, .json or .mrk.json, or a folder of such files (of one
            kind; hidden files, films and other files are ignored).
        scheme: the landmarks.
        spacing_mm: the films' pixel spacing, one number or (along x, along y), or film name -> the same; only markups
            in mm that do not say which film they were made on need it.
        frame_of: film name -> the frame in which a viewer opens the film, None for one that is not there; for such
            markups as well.
    Returns:
        The points; ``observer`` is the name of the table or of the folder.
    Raises:
        AnnotationError: the source is missing, has an unknown format, is malformed, or has a wrong number of points;
            the message names the file.

    >>> from monai_ceph.phantoms import write_phantoms
    >>> films = write_phantoms("films", count=2, size=(484, 600), spacing_mm=0.4)
    >>> annotations = read_annotations("films/points.csv")
    >>> sorted(annotations.points_px), annotations.points_px["phantom_000"].shape
    (['phantom_000', 'phantom_001'], (19, 2))
    """
    path = Path(path)

    def place(film: str) -> _Place:
        given = spacing_mm(film) if callable(spacing_mm) else spacing_mm
        return (None if given is None else check_spacing(given, "spacing_mm")), frame_of(film) if frame_of else None

    if path.suffix.lower() == ".csv" and not path.is_dir():
        return _annotations(path.stem, scheme, read_table(path, scheme))
    if path.is_dir():
        files, observer = _films_in(path), path.resolve().name
    elif path.exists():
        files, observer = [path], path.resolve().parent.name
    else:
        raise AnnotationError(f"{path}: there is no such annotation; expected {_FORMATS}.")
    film_points: dict[str, FilmPoints] = {}
    sources: dict[str, Path] = {}
    for file in files:
        read = _read_file(file, scheme, place)
        if isinstance(read, dict) and len(files) == 1:
            observer = file.stem
        for film, points in (read if isinstance(read, dict) else {film_name(file): read}).items():
            if film in film_points:
                raise AnnotationError(
                    f"{file}: film '{film}' is annotated in {sources[film]} as well; remove one of them."
                )
            film_points[film], sources[film] = points, file
    return _annotations(observer, scheme, film_points)


def _annotations(observer: str, scheme: LandmarkScheme, films: Mapping[str, FilmPoints]) -> Annotations:
    return Annotations(
        observer,
        scheme,
        {film: points.points_px for film, points in films.items()},
        tuple(dict.fromkeys(problem for points in films.values() for problem in points.problems)),
        {film: points.source for film, points in films.items()},
    )


def frame_annotations(frame: pd.DataFrame, scheme: LandmarkScheme = ISBI19, observer: str = "table") -> Annotations:
    """Return one observer's points from a pandas table.

    Args:
        frame: columns as in a .csv of points, such as ``image, landmark, x_px, y_px``, in any order; other columns
            are ignored. ``prediction.to_frame()`` is such a table.
        scheme: the landmarks.
        observer: the table's name in messages and results.
    Raises:
        AnnotationError: columns are missing or a row is malformed; the message names the row.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"image": ["001.png"], "landmark": ["S"], "x_px": [830.0], "y_px": [990.0]})
    >>> frame_annotations(frame).points_px["001"][0]
    array([830., 990.])
    """
    return _annotations(observer, scheme, table_points(frame_cells(frame, observer), scheme))


def natural_scheme(path: str | Path) -> LandmarkScheme:
    """Return the scheme of a source's format: Aariz's, CL-Detection's, or else ISBI 2015's.

    Raises:
        AnnotationError: the source cannot be opened.
    """
    path = Path(path)
    file = next(iter(_films_in(path)), path) if path.is_dir() else path
    if file.suffix.lower() != ".json":
        return ISBI19
    content = read_json(file)
    scheme_of_key = {"landmarks": AARIZ29, "points": CL_DETECTION38}
    return next((scheme_of_key[key] for key in scheme_of_key if isinstance(content, dict) and key in content), ISBI19)


def mean_annotations(annotations: Sequence[Annotations]) -> Annotations:
    """Return the mean of several observers.

    A landmark that any observer left out has no mean: it is NaN and reported. So is a whole film.

    Args:
        annotations: at least one; all of the same landmarks.
    Raises:
        AnnotationError: there are no annotations, or they have different schemes.

    >>> anna, bert = (Annotations(name, ISBI19, {"001": np.full((19, 2), x)}) for name, x in (("a", 1.0), ("b", 3.0)))
    >>> mean_annotations([anna, bert]).points_px["001"][0]
    array([2., 2.])
    """
    if not annotations:
        raise AnnotationError("Expected the annotations of at least one observer, got none.")
    scheme = annotations[0].scheme
    for other in annotations[1:]:
        if other.scheme.symbols != scheme.symbols:
            raise AnnotationError(
                f"Observers '{annotations[0].observer}' and '{other.observer}' have different schemes, "
                f"'{scheme.name}' and '{other.scheme.name}'; read both with the same."
            )
    if len(annotations) == 1:
        return annotations[0]
    problems = list(dict.fromkeys(problem for observed in annotations for problem in observed.problems))
    nowhere = np.full((len(scheme), 2), np.nan)
    points = {}
    for film in sorted({film for observed in annotations for film in observed.points_px}):
        observed_px = np.stack([observed.points_px.get(film, nowhere) for observed in annotations])
        points[film] = observed_px.mean(0)
        if absent := [observed.observer for observed in annotations if film not in observed.points_px]:
            problems += [f"Film '{film}': observer '{name}' did not annotate it, so it has no mean." for name in absent]
            continue
        marked = np.isfinite(observed_px).all(-1)
        for k in np.flatnonzero(marked.any(0) & ~marked.all(0)):
            without = ", ".join(f"'{annotations[i].observer}'" for i in np.flatnonzero(~marked[:, k]).tolist())
            problems.append(f"Film '{film}': landmark {scheme.symbols[k]} has no mean, as {without} left it out.")
    observer = "mean of " + ", ".join(observed.observer for observed in annotations)
    return Annotations(observer, scheme, points, tuple(problems))


def _films_in(folder: Path) -> list[Path]:
    """List the annotation files of a folder: one per film, all with the same suffix."""
    files = [p for p in sorted(folder.iterdir()) if p.is_file() and not p.name.startswith(".")]
    by_suffix = {suffix: [p for p in files if p.suffix.lower() == suffix] for suffix in (".txt", ".json")}
    kinds = [suffix for suffix, matching in by_suffix.items() if matching]
    if len(kinds) != 1:
        content_found = f"both {' and '.join(kinds)} files" if kinds else "neither .txt nor .json files"
        raise AnnotationError(f"{folder}: expected {_FORMATS}, found {content_found} in this folder.")
    return by_suffix[kinds[0]]


def _read_file(
    path: Path, scheme: LandmarkScheme, place: Callable[[str], _Place]
) -> FilmPoints | dict[str, FilmPoints]:
    """Read the points of one film, or of each film of a file."""
    if path.suffix.lower() == ".txt":
        return read_isbi_text(path, scheme)
    if path.suffix.lower() != ".json":
        raise AnnotationError(f"{path}: expected {_FORMATS}.")
    content = read_json(path)
    keys = content.keys() if isinstance(content, dict) else ()
    if "markups" in keys:
        return parse_markups(content, path, scheme, *place(film_name(path)))
    for key, parse in _PARSERS.items():
        if key in keys:
            return parse(content, path, scheme)
    raise AnnotationError(
        f"{path}: expected JSON of labelme ('shapes'), Slicer ('markups'), Aariz ('landmarks'), CL-Detection "
        "('points') or COCO ('annotations'), got none of these."
    )
