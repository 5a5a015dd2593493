"""Films that a data set holds twice, under two names."""

from __future__ import annotations

ISBI2015_DUPLICATES = (
    ("001", "275"), ("007", "293"), ("010", "295"), ("014", "287"), ("028", "296"), ("038", "283"), ("056", "280"),
    ("062", "288"), ("080", "282"), ("088", "297"), ("103", "201"), ("108", "289"), ("118", "285"), ("123", "276"),
    ("126", "299"), ("132", "291"), ("137", "292"), ("138", "281"), ("141", "279"), ("144", "173"),
    ("159", "278"), ("188", "294"), ("196", "277"),
)  # fmt: skip
"""The ISBI 2015 challenge: (first, again). Twenty training films are in Test1 as well, three films of Test1 are in it
twice, and Test2 has none. Source: the films, compared with each other; docs/data.md."""

DUPLICATES = {"isbi2015-duplicates": ISBI2015_DUPLICATES}
"""Named lists of pairs. What a score should leave out is the second of each: the film that was seen before."""
