"""Define landmark schemes: ordered lists of named landmarks.

The whole package takes the number and the order of landmarks from a scheme.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


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

AARIZ29 = _scheme(
    "aariz29",
    ("A", "A-point", ""),
    ("ANS", "Anterior Nasal Spine", ""),
    ("B", "B-point", ""),
    ("Me", "Menton", ""),
    ("N", "Nasion", ""),
    ("Or", "Orbitale", ""),
    ("Pog", "Pogonion", ""),
    ("PNS", "Posterior Nasal Spine", ""),
    ("Pn", "Pronasale", ""),
    ("R", "Ramus", ""),
    ("S", "Sella", ""),
    ("Ar", "Articulare", ""),
    ("Co", "Condylion", ""),
    ("Gn", "Gnathion", ""),
    ("Go", "Gonion", ""),
    ("Po", "Porion", ""),
    ("LPM", "Lower 2nd PM Cusp Tip", ""),
    ("LIT", "Lower Incisor Tip", ""),
    ("LMT", "Lower Molar Cusp Tip", ""),
    ("UPM", "Upper 2nd PM Cusp Tip", ""),
    ("UIA", "Upper Incisor Apex", ""),
    ("UIT", "Upper Incisor Tip", ""),
    ("UMT", "Upper Molar Cusp Tip", ""),
    ("LIA", "Lower Incisor Apex", ""),
    ("Li", "Labrale inferius", ""),
    ("Ls", "Labrale superius", ""),
    ("N`", "Soft Tissue Nasion", ""),
    ("Pog`", "Soft Tissue Pogonion", ""),
    ("Sn", "Subnasale", ""),
)
"""The landmarks of Aariz / CEPHA29, in its order, with its titles. Source: Khalid et al., arXiv 2302.07797, and the
data set's own list."""

CL_DETECTION38 = LandmarkScheme(
    "cl_detection38",
    ISBI19.landmarks
    + _scheme(
        "",
        ("D", "D", "centre of the mandibular symphysis"),
        ("U1A", "upper incisor apex", "root apex of the upper central incisor"),
        ("L1A", "lower incisor apex", "root apex of the lower incisor"),
        ("Cm", "columella", "most anterior point of the columella of the nose"),
        ("Ptm", "pterygomaxillary fissure", "lowest point of the pterygomaxillary fissure's outline"),
        ("Co", "condylion", "highest point of the mandibular condyle"),
        ("Prn", "pronasale", "most anterior point of the nose's tip"),
        ("Ba", "basion", "midpoint of the front margin of the foramen magnum"),
        ("PT", "PT point", "where pterygopalatine fossa and foramen rotundum meet"),
        ("Bo", "Bolton point", "deepest point of the notch behind the occipital condyle"),
        ("UL'", "upper lip margin", "border of mucosa and skin of the upper lip"),
        ("LL'", "lower lip margin", "border of mucosa and skin of the lower lip"),
        ("Gn'", "soft tissue gnathion", "midpoint of soft tissue menton and soft tissue pogonion"),
        ("Me'", "soft tissue menton", "lowest point of the soft-tissue chin"),
        ("G", "glabella", "most anterior point of the forehead"),
        ("N'", "soft tissue nasion", "nasion on the soft-tissue profile"),
        ("C", "cervical point", "deepest point where the soft tissue below the chin meets the neck"),
        ("U6", "upper molar", "mesial contact point of the upper first molar"),
        ("L6", "lower molar", "mesial contact point of the lower first molar"),
    ).landmarks,
)
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
