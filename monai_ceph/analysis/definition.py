"""Declare measurements as data: which points, which formula, which unit, which norm."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from monai_ceph.analysis.kinds import LENGTHS, POINTS, WORDS

UNITS = ("deg", "mm", "%")
COMBINED = ("sum", "smallest")
"""The kinds that combine terms."""


@dataclass(frozen=True)
class Norm:
    """The norm of a measurement in a population.

    Args:
        mean: in the measurement's unit.
        sd: standard deviation between people; None where the source gives none.
        population: the people in whom it was measured.
        source: the publication.
    Example:
        >>> from monai_ceph.analysis import Norm
        >>> Norm(82.0, 2.0, "adults", "a textbook").mean
        82.0
    """

    mean: float
    sd: float | None
    population: str
    source: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.mean) or (self.sd is not None and not 0 < self.sd < math.inf):
            raise ValueError(f"Expected a norm with a finite mean and an sd above 0 or none, got {self}.")


@dataclass(frozen=True)
class Class:
    """A range of values that has a name.

    Args:
        label: its number.
        meaning: its name.
        low, high: the range, both ends included; infinite if open.
    Example:
        >>> from monai_ceph.analysis import Class
        >>> Class(2, "class II", low=5.7).high
        inf
    """

    label: int
    meaning: str
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Term:
    """One term of a measurement of kind "sum" or "smallest".

    Args:
        kind, points: as in :class:`Measurement`.
        factor: what it is multiplied by.
    Example:
        >>> from monai_ceph.analysis import Term
        >>> Term("angle", ("S", "N", "B"), factor=-1).factor
        -1
    """

    kind: str
    points: tuple[str, ...]
    factor: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in POINTS:
            raise ValueError(f"Expected a kind among {', '.join(POINTS)}, got '{self.kind}'.")
        if len(self.points) != POINTS[self.kind]:
            raise ValueError(
                f"Expected {POINTS[self.kind]} points for the kind '{self.kind}', got {len(self.points)}: "
                f"{' '.join(self.points)}."
            )


@dataclass(frozen=True)
class Measurement:
    """An angle, a length or a ratio between landmarks, with what is normal.

    Args:
        name: its name, unique within the analysis.
        analysis: the analysis that it belongs to.
        unit: ``"deg"``, ``"mm"`` or ``"%"``.
        kind: a kind of :func:`monai_ceph.analysis.kinds.compute`, which says what the points mean; or
            ``"sum"`` or ``"smallest"`` of terms.
        points: the landmarks' symbols, in the order that the kind wants; none where there are terms.
        norm: what is normal, if known.
        source: who defined it.
        classes: named ranges; a value belongs to the first that contains it.
        terms: the terms that are summed, or of which the smallest counts.
        constant: a constant that is added.
        note: a remark on the definition.
    Raises:
        ValueError: the kind or the unit is unknown, or kind, unit and points do not fit together.
    Example:
        >>> from monai_ceph.analysis import Measurement, measure
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.phantoms.mean_shape import MEAN_MM
        >>> chin = Measurement("chin height", "mine", "mm", "distance", ("Pog", "Me"))
        >>> measure(MEAN_MM, 1.0, ISBI19, [chin]).values.round(1).tolist()
        [8.6]
    """

    name: str
    analysis: str
    unit: str
    kind: str
    points: tuple[str, ...] = ()
    norm: Norm | None = None
    source: str = ""
    classes: tuple[Class, ...] = ()
    terms: tuple[Term, ...] = ()
    constant: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"Expected a unit among {', '.join(UNITS)}, got '{self.unit}'.")
        if self.kind not in COMBINED and (self.terms or self.constant):
            raise ValueError(f"Terms and a constant are for the kinds {' and '.join(COMBINED)}, not '{self.kind}'.")
        if self.kind in COMBINED and (self.points or not self.terms):
            raise ValueError(f"Expected terms, and no points, for a measurement of kind '{self.kind}'.")
        for part in self.parts:
            unit = "mm" if part.kind in LENGTHS else "%" if part.kind == "ratio" else "deg"
            if unit != self.unit:
                raise ValueError(f"The kind '{part.kind}' gives '{unit}', not '{self.unit}'.")

    @property
    def parts(self) -> tuple[Term, ...]:
        """Its terms; a measurement without terms is its own only term."""
        return self.terms if self.kind in COMBINED else (Term(self.kind, self.points),)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The landmarks that it needs, without repetition."""
        return tuple(dict.fromkeys(symbol for part in self.parts for symbol in part.points))

    @property
    def definition(self) -> str:
        """Its formula in words, such as "(angle S-N-A) - (angle S-N-B)"."""
        words = [WORDS[part.kind].format(*part.points) for part in self.parts]
        if self.kind not in COMBINED:
            return words[0]
        terms = [
            f"{_signed(part.factor)} x ({text})".replace(" 1 x ", " ")
            for part, text in zip(self.parts, words, strict=True)
        ]
        constant = f" {_signed(self.constant)}" if self.constant else ""
        if self.kind == "smallest":
            return f"the smallest of {', '.join(term.removeprefix('+ ') for term in terms)}{constant}"
        return " ".join(terms).removeprefix("+ ") + constant

    def class_of(self, value: float) -> Class | None:
        """Return the class of a value; None for NaN, or where there are no classes."""
        return next((candidate for candidate in self.classes if candidate.low <= value <= candidate.high), None)


def _signed(number: float) -> str:
    return f"{'-' if number < 0 else '+'} {abs(number):g}"


def read_measurements(path: str | Path) -> tuple[Measurement, ...]:
    """Read measurements from a JSON file.

    Args:
        path: a list of objects with the fields of :class:`Measurement`. Points are written as ``"S N A"``; a norm,
            classes and terms are objects with the fields of :class:`Norm`, :class:`Class` and :class:`Term`.
    Raises:
        ValueError: the file cannot be read or an entry is wrong; the message says which and why.
    Example:
        >>> from pathlib import Path
        >>> from monai_ceph.analysis import read_measurements
        >>> text = '[{"analysis": "mine", "name": "chin", "unit": "mm", "kind": "distance", "points": "Pog Me"}]'
        >>> _ = Path("mine.json").write_text(text)
        >>> read_measurements("mine.json")[0].points
        ('Pog', 'Me')
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"Cannot read measurements from '{path}': {error}.") from error
    if not isinstance(content, list) or not content:
        raise ValueError(f"'{path}': expected a JSON list of measurements, got {type(content).__name__}.")
    measurements: dict[tuple[str, str], Measurement] = {}
    for number, entry in enumerate(content, 1):
        try:
            measurement = _measurement(entry)
            key = measurement.analysis, measurement.name
            if key in measurements:
                raise ValueError(f"'{measurement.name}' is in the analysis '{measurement.analysis}' twice.")
        except (TypeError, ValueError) as error:
            name = entry.get("name", "") if isinstance(entry, dict) else ""
            raise ValueError(f"'{path}', measurement {number} {name!r}: {error}") from error
        measurements[key] = measurement
    return tuple(measurements.values())


def _measurement(entry: Any) -> Measurement:
    values = _checked(entry, Measurement)
    if values.get("norm") is not None:
        values["norm"] = Norm(**{"sd": None} | _checked(values["norm"], Norm))
    values["classes"] = tuple(Class(**_checked(entry, Class)) for entry in values.get("classes", ()))
    terms = (_checked(entry, Term) for entry in values.get("terms", ()))
    values["terms"] = tuple(Term(**term | {"points": _symbols(term.get("points", ""))}) for term in terms)
    values["points"] = _symbols(values.get("points", ""))
    return Measurement(**values)


def _checked(entry: Any, kind: type) -> dict[str, Any]:
    known = [field.name for field in fields(kind)]
    if not isinstance(entry, Mapping):
        raise ValueError(f"expected an object with the fields {', '.join(known)}, got {entry!r}.")
    if unknown := [name for name in entry if name not in known]:
        raise ValueError(f"expected the fields {', '.join(known)}, got '{unknown[0]}'.")
    return dict(entry)


def _symbols(points: Any) -> tuple[str, ...]:
    if isinstance(points, str):
        return tuple(points.split())
    if isinstance(points, list) and all(isinstance(symbol, str) for symbol in points):
        return tuple(points)
    raise ValueError(f'expected points such as "S N A", got {points!r}.')
