from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from monai_ceph.landmarks import (
    AARIZ29,
    CL_DETECTION38,
    ISBI19,
    SCHEMES,
    Landmark,
    LandmarkScheme,
    get_scheme,
    same_landmarks,
)


def _scheme(*symbols: str) -> LandmarkScheme:
    return LandmarkScheme("mine", tuple(Landmark(s, s.lower()) for s in symbols))


def test_isbi_has_the_challenge_s_landmarks_in_its_order() -> None:
    assert " ".join(ISBI19.symbols) == "S N Or Po A B Pog Me Gn Go L1 U1 UL LL Sn Pog' PNS ANS Ar"
    assert len(ISBI19) == 19
    assert all(landmark.name and landmark.definition for landmark in ISBI19.landmarks)


def test_position_of_a_symbol() -> None:
    assert [ISBI19.index(s) for s in ("S", "Pog'", "Ar")] == [0, 15, 18]


def test_unknown_symbol_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match=re.escape("Scheme 'mine' has no landmark 'Z'; it has A B.")):
        _scheme("A", "B").index("Z")


def test_scheme_without_landmarks() -> None:
    with pytest.raises(ValueError, match="'mine' has no landmarks; give it at least one"):
        _scheme()


def test_doubled_symbols_are_named() -> None:
    with pytest.raises(ValueError, match=re.escape("duplicate symbols ['A', 'C']")):
        _scheme("A", "B", "A", "C", "C")


@pytest.mark.parametrize("symbol", ["", "A B", "A\t", "A,B"])
def test_symbol_that_would_break_a_file(symbol: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"has the symbol {symbol!r}")):
        _scheme("S", symbol)


def test_scheme_cannot_be_changed_by_accident() -> None:
    with pytest.raises(AttributeError):
        ISBI19.name = "other"  # type: ignore[misc]


def test_scheme_by_name() -> None:
    assert get_scheme("isbi19") is SCHEMES["isbi19"] is ISBI19


def test_scheme_from_a_file_keeps_its_order(tmp_path: Path) -> None:
    file = tmp_path / "five.json"
    rows = [{"symbol": "Me", "name": "menton", "definition": "lowest"}, {"symbol": "A"}]
    file.write_text(json.dumps({"name": "two", "landmarks": rows}), encoding="utf-8")
    scheme = get_scheme(file)
    assert scheme == LandmarkScheme("two", (Landmark("Me", "menton", "lowest"), Landmark("A", "A")))
    assert get_scheme(str(file)) == scheme


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        ValueError,
        match=re.escape("Unknown landmark scheme 'isbi20'; expected one of ['aariz29', 'cl_detection38', 'isbi19']"),
    ):
        get_scheme("isbi20")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "JSONDecodeError"),
        (b"{", "JSONDecodeError"),
        (b"\xff\xfe\x00", "UnicodeDecodeError"),
        (b"[]", "TypeError"),
        (b'{"name": "x"}', "KeyError: 'landmarks'"),
        (b'{"landmarks": [{"symbol": "A"}]}', "KeyError: 'name'"),
        (b'{"name": "x", "landmarks": [{"name": "a"}]}', "KeyError: 'symbol'"),
        (b'{"name": "x", "landmarks": [{"symbol": 5}]}', "TypeError"),
        (b'{"name": "x", "landmarks": ["A"]}', "TypeError"),
    ],
)
def test_broken_scheme_file_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "broken.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"Cannot read a landmark scheme from '{file}' ({reason}")):
        get_scheme(file)


def test_missing_scheme_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.json' \(FileNotFoundError"):
        get_scheme(tmp_path / "none.json")


def test_landmarks_of_two_sources_by_symbol() -> None:
    assert same_landmarks(["S", "Pog`", "N\u2019", "LIT", "Ls"], ["Pog'", "L1", "UL", "S", "N'"]) == {
        "S": "S",
        "Pog`": "Pog'",
        "N\u2019": "N'",
        "LIT": "L1",
    }
    assert same_landmarks(["Pn"], ["Prn", "Pn"]) == {"Pn": "Pn"}  # the same symbol goes before a synonym


def test_what_the_schemes_have_in_common() -> None:
    assert CL_DETECTION38.symbols[:19] == ISBI19.symbols and (len(AARIZ29), len(CL_DETECTION38)) == (29, 38)
    aariz = same_landmarks(AARIZ29.symbols, ISBI19.symbols)
    assert set(ISBI19.symbols) - set(aariz.values()) == {"UL", "LL"}
    more = same_landmarks(AARIZ29.symbols, CL_DETECTION38.symbols)
    assert {more[s] for s in more if s not in aariz} == {"Prn", "Co", "U1A", "L1A", "N'"}
