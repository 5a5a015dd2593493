"""What the points are: landmark schemes, each an ordered list of named, defined landmarks.

The number and the order of landmarks come from a scheme everywhere in the package.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Landmark:
    """One anatomical landmark: the symbol used in files, its full name and its definition."""

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
        ValueError: no landmark at all, or a symbol that is empty, doubled or holds white space.
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
                    "and may hold neither white space nor a comma, because files are keyed by it."
                )
        doubled = sorted({s for s in self.symbols if self.symbols.count(s) > 1})
        if doubled:
            raise ValueError(f"Landmark scheme '{self.name}' has doubled symbols {doubled}; each must be unique.")

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(landmark.symbol for landmark in self.landmarks)

    def index(self, symbol: str) -> int:
        """Position of a landmark in the scheme.

        Raises:
            KeyError: the scheme has no such symbol; the message lists those it has.
        """
        try:
            return self.symbols.index(symbol)
        except ValueError:
            raise KeyError(
                f"Scheme '{self.name}' has no landmark '{symbol}'; it has {' '.join(self.symbols)}."
            ) from None


def _scheme(name: str, *rows: tuple[str, str, str]) -> LandmarkScheme:
    return LandmarkScheme(name, tuple(Landmark(*row) for row in rows))


ISBI19 = _scheme(
    "isbi19",
    ("S", "sella", "centre of the sella turcica"),
    ("N", "nasion", "most anterior point of the frontonasal suture"),
    ("Or", "orbitale", "lowest point of the orbital rim"),
    ("Po", "porion", "highest point of the external auditory meatus"),
    ("A", "subspinale", "deepest point of the maxilla's front contour between anterior nasal spine and upper incisor"),
    ("B", "supramentale", "deepest point of the mandible's front contour between lower incisor and chin"),
    ("Pog", "pogonion", "most anterior point of the bony chin"),
    ("Me", "menton", "lowest point of the mandibular symphysis"),
    ("Gn", "gnathion", "most antero-inferior point of the bony chin, between pogonion and menton"),
    ("Go", "gonion", "midpoint of the mandibular angle between ramus and body"),
    ("L1", "incision inferius", "edge of the most prominent lower incisor"),
    ("U1", "incision superius", "edge of the most prominent upper incisor"),
    ("UL", "upper lip", "most anterior point of the upper lip"),
    ("LL", "lower lip", "most anterior point of the lower lip"),
    ("Sn", "subnasale", "point where the nasal septum meets the upper lip"),
    ("Pog'", "soft tissue pogonion", "most anterior point of the soft-tissue chin"),
    ("PNS", "posterior nasal spine", "hind tip of the hard palate"),
    ("ANS", "anterior nasal spine", "front tip of the bony spine at the base of the nose"),
    ("Ar", "articulare", "crossing of the ramus's hind border and the lower contour of the cranial base"),
)
"""The landmarks of the ISBI 2015 challenge, in its order. Source: Wang et al., Med Image Anal 31 (2016), table 1."""

SCHEMES = {ISBI19.name: ISBI19}


def get_scheme(name: str | Path) -> LandmarkScheme:
    """A scheme by its name, or read from a JSON file.

    Args:
        name: a key of ``SCHEMES``, or the path of a JSON file
            ``{"name": ..., "landmarks": [{"symbol": ..., "name": ..., "definition": ...}, ...]}``.
    Raises:
        ValueError: neither a known name nor a readable scheme file; the message says what is there instead.
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
