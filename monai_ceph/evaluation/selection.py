"""Choose what is scored: films, landmarks, and the references to score against."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from monai_ceph.data.duplicates import DUPLICATES
from monai_ceph.evaluation.points import Observers
from monai_ceph.film_names import film_name
from monai_ceph.formats.annotations import mean_annotations
from monai_ceph.formats.points import Annotations
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.wording import named


def films_to_leave_out(names: Sequence[str], predicted: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the predicted films to leave out.

    Args:
        names: films, with or without folder and suffix, or lists of :data:`monai_ceph.data.duplicates.DUPLICATES`.
        predicted: the predicted films.
    Returns:
        name -> films; empty for a list of which no film is predicted.
    Raises:
        ValueError: a name is neither a list nor a predicted film, or no film would be left.
    """
    left_out = {}
    for name in names:
        if name in DUPLICATES:
            left_out[name] = tuple(again for _, again in DUPLICATES[name] if again in predicted)
        elif film_name(name) in predicted:
            left_out[film_name(name)] = (film_name(name),)
        else:
            raise ValueError(
                f"'{name}' cannot be left out: expected a predicted film ({named(sorted(predicted), 3)}) "
                f"or a list of films ({', '.join(DUPLICATES)})."
            )
    if set(predicted) <= {film for films in left_out.values() for film in films}:
        raise ValueError(f"All {len(predicted)} predicted films are left out; none is left to score.")
    return left_out


def landmarks_to_keep(symbols: Sequence[str], scheme: LandmarkScheme) -> LandmarkScheme:
    """Return a scheme without the given landmarks.

    Raises:
        ValueError: the scheme does not have one of them, or no landmark would be left.

    >>> from monai_ceph.landmarks import ISBI19
    >>> len(landmarks_to_keep(["Go", "Po"], ISBI19))
    17
    """
    unknown = [symbol for symbol in symbols if symbol not in scheme.symbols]
    if unknown:
        raise ValueError(f"'{unknown[0]}' cannot be left out: scheme '{scheme.name}' has {' '.join(scheme.symbols)}.")
    if set(symbols) == set(scheme.symbols):
        raise ValueError(f"All landmarks of scheme '{scheme.name}' are left out; none is left to score.")
    return LandmarkScheme(scheme.name, tuple(point for point in scheme.landmarks if point.symbol not in symbols))


def restrict(annotations: Annotations, scheme: LandmarkScheme, films: Collection[str] | None = None) -> Annotations:
    """Return annotations restricted to some landmarks and films.

    Args:
        annotations: annotations whose scheme has all landmarks of ``scheme``.
        scheme: the landmarks to keep.
        films: the films to keep; None keeps all.
    """
    keep = [annotations.scheme.index(symbol) for symbol in scheme.symbols]
    points_px = {f: points[keep] for f, points in annotations.points_px.items() if films is None or f in films}
    return replace(annotations, scheme=scheme, points_px=points_px)


def choose_references(observers: Observers, protocol: str) -> Observers:
    """Return the references to score against: the observers' mean, each of them, or one.

    Args:
        observers: source and points of each observer.
        protocol: "mean", "each", or the source or name of an observer.
    Raises:
        ValueError: the protocol is none of these, or several observers have this name.
    """
    if protocol == "each" or (protocol == "mean" and len(observers) == 1):
        return observers
    if protocol == "mean":
        return [("mean of " + ", ".join(name for name, _ in observers), mean_annotations([a for _, a in observers]))]
    chosen = [(name, points) for name, points in observers if protocol in (name, points.observer)]
    if len(chosen) != 1:
        raise ValueError(
            f"Expected the protocol 'mean', 'each', or one of the observers "
            f"{', '.join(points.observer for _, points in observers)}, got '{protocol}'"
            + (f", the name of {len(chosen)} of them; give the path of one." if chosen else ".")
        )
    return chosen


def among(films: Collection[str], observers: Observers) -> Observers:
    """Return the observers' points on the predicted films only.

    Raises:
        ValueError: an observer has none of these films; the message names films of both.
    """
    scored = []
    for name, observer in observers:
        known = {film: points for film, points in observer.points_px.items() if film in films}
        if not known:
            raise ValueError(
                f"{name}: none of the {len(films)} predicted films is in this reference (predicted: "
                f"{named(sorted(films), 3)}; reference: {named(sorted(observer.points_px), 3)}). "
                "Films are matched by file name without folder and suffix."
            )
        scored.append((name, replace(observer, points_px=known)))
    return scored
