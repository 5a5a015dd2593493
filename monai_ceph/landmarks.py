"""Define landmark schemes: ordered lists of named landmarks.

The whole package takes the number and the order of landmarks from a scheme.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Landmark:
    """An anatomical landmark.

    Args:
        symbol: its short name, as used in files.
        name: its full name.
        definition: where it lies.
    Example:
        >>> from monai_ceph.landmarks import Landmark
        >>> Landmark("S", "sella", "centre of the sella turcica").symbol
        'S'
    """

    symbol: str
    name: str
    definition: str = ""


@dataclass(frozen=True)
class LandmarkScheme:
    """An ordered set of landmarks. Channel k of a heatmap is landmark k of the scheme.

    Args:
        name: the scheme's identifier, e.g. ``"isbi19"``.
        landmarks: the landmarks in channel order.
    Raises:
        ValueError: there is no landmark, or a symbol is empty, used twice, or contains white space or a comma.
    Example:
        >>> from monai_ceph.landmarks import Landmark, LandmarkScheme
        >>> scheme = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("N", "nasion")))
        >>> len(scheme), scheme.symbols, scheme.index("N")
        (2, ('S', 'N'), 1)
    """

    name: str
    landmarks: tuple[Landmark, ...]

    def __post_init__(self) -> None:
        if not self.landmarks:
            raise ValueError(f"Landmark scheme '{self.name}' has no landmarks; give it at least one.")
        for symbol in self.symbols:
            if not symbol or any(c.isspace() or c == "," for c in symbol):
                raise ValueError(
                    f"Landmark scheme '{self.name}' has the symbol {symbol!r}; a symbol needs at least one character "
                    "and must not contain white space or a comma, because files are keyed by it."
                )
        duplicates = sorted({s for s in self.symbols if self.symbols.count(s) > 1})
        if duplicates:
            raise ValueError(f"Landmark scheme '{self.name}' has duplicate symbols {duplicates}; each must be unique.")

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The landmarks' symbols, in channel order."""
        return tuple(landmark.symbol for landmark in self.landmarks)

    def index(self, symbol: str) -> int:
        """Return the position of a landmark in the scheme.

        Raises:
            KeyError: the scheme has no such symbol; the message lists those it has.
        """
        try:
            return self.symbols.index(symbol)
        except ValueError:
            raise KeyError(
                f"Scheme '{self.name}' has no landmark '{symbol}'; it has {' '.join(self.symbols)}."
            ) from None

    def check_points(self, points: np.ndarray) -> None:
        """Check that a film's points are (N, 2), one row for each landmark.

        Raises:
            ValueError: they are not; the message shows both shapes.
        """
        if points.shape != (len(self), 2):
            raise ValueError(f"Expected points of shape {(len(self), 2)} for scheme '{self.name}', got {points.shape}.")


_LANDMARKS: dict[str, tuple[Landmark, ...]] = {
    name: tuple(Landmark(**row) for row in rows)
    for name, rows in json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8")).items()
}

ISBI19 = LandmarkScheme("isbi19", _LANDMARKS["isbi19"])
"""The landmarks of the ISBI 2015 challenge, in its order. Source: Wang et al., Med Image Anal 31 (2016), table 1."""

AARIZ29 = LandmarkScheme("aariz29", _LANDMARKS["aariz29"])
"""The landmarks of Aariz / CEPHA29, in its order, with its titles. Source: Khalid et al., arXiv 2302.07797, and the
data set's own list."""

CL_DETECTION38 = LandmarkScheme("cl_detection38", ISBI19.landmarks + _LANDMARKS["cl_detection38_added"])
"""The landmarks of the CL-Detection 2023 challenge, in its order; the first 19 are those of ISBI 2015. Source: the
organisers' list of the training data set's landmarks."""

SCHEMES = {scheme.name: scheme for scheme in (ISBI19, AARIZ29, CL_DETECTION38)}

SYNONYMS = {"LIT": "L1", "UIT": "U1", "LIA": "L1A", "UIA": "U1A", "Pn": "Prn"}
"""Symbols that other sources have for a landmark of the same name. Not among them is what sources define differently or
not at all: the lips' points (``Ls`` may be the most anterior point of the lip, or the border of its mucosa) and the
molars' (cusp tip or contact point)."""

_PRIMES = str.maketrans("`\u00b4\u2019\u2032", "'" * 4)


def same_landmarks(symbols: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """Match the landmarks of two sources by symbol.

    Args:
        symbols: the symbols of one source.
        others: those of the other.
    Returns:
        Symbol -> the other's symbol of the same landmark, for those that the other has: the same symbol, whatever sign
        it has for a prime, or one of :data:`SYNONYMS`.

    >>> same_landmarks(["S", "Pog`", "LIT", "UMT"], ["S", "L1", "Pog'", "U6"])
    {'S': 'S', 'Pog`': "Pog'", 'LIT': 'L1'}
    """

    def meaning(symbol: str) -> str:
        plain = symbol.translate(_PRIMES)
        return SYNONYMS.get(plain, plain)

    others = list(others)
    as_they_are, by_meaning = set(others), {meaning(symbol): symbol for symbol in reversed(others)}
    matches = {symbol: symbol if symbol in as_they_are else by_meaning.get(meaning(symbol)) for symbol in symbols}
    return {symbol: match for symbol, match in matches.items() if match is not None}


def get_scheme(name: str | Path) -> LandmarkScheme:
    """Return a built-in scheme by its name, or read one from a JSON file.

    Args:
        name: a key of ``SCHEMES``, or the path of a JSON file
            ``{"name": ..., "landmarks": [{"symbol": ..., "name": ..., "definition": ...}, ...]}``.
    Raises:
        ValueError: the name is unknown, or the file is not a readable scheme; the message says why.
    Example:
        >>> from monai_ceph.landmarks import get_scheme
        >>> get_scheme("isbi19").symbols[:3]
        ('S', 'N', 'Or')
    """
    if str(name) in SCHEMES:
        return SCHEMES[str(name)]
    path = Path(name)
    if path.suffix != ".json":
        raise ValueError(
            f"Unknown landmark scheme '{name}'; expected one of {sorted(SCHEMES)} or the path of a .json file."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(
            Landmark(row["symbol"], row.get("name", row["symbol"]), row.get("definition", ""))
            for row in content["landmarks"]
        )
        return LandmarkScheme(content["name"], rows)
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"Cannot read a landmark scheme from '{path}' ({type(error).__name__}: {error}); expected JSON "
            '{"name": ..., "landmarks": [{"symbol": ..., "name": ..., "definition": ...}, ...]}.'
        ) from error
