"""Two drawn faces whose measurements are worked out by hand from the slopes of their lines."""

from __future__ import annotations

import math

import numpy as np

from monai_ceph.landmarks import ISBI19


def _face(**points: tuple[float, float]) -> np.ndarray:
    return np.array([points[symbol.replace("'", "_")] for symbol in ISBI19.symbols], dtype=float)


def atan(slope: float) -> float:
    return math.degrees(math.atan(slope))


LOOKS_RIGHT = _face(
    S=(0, 0), N=(70, 0), Or=(60, 20), Po=(-20, 20), A=(65, 60), B=(60, 100), Pog=(62, 115), Me=(55, 125), Gn=(59, 121),
    Go=(-5, 85), L1=(65, 79), U1=(68, 80), UL=(80, 75), LL=(76, 90), Sn=(78, 62), Pog_=(72, 116), PNS=(20, 50),
    ANS=(70, 55), Ar=(-15, 30),
)  # fmt: skip
"""mm. S-N and Frankfort are horizontal; the palatal plane runs down towards the front."""

RIGHT = {
    ("ISBI 2015", "ANB"): atan(10 / 100) - atan(5 / 60),
    ("ISBI 2015", "SNB"): 90 - atan(10 / 100),
    ("ISBI 2015", "SNA"): 90 - atan(5 / 60),
    ("ISBI 2015", "ODI"): 90 + atan(5 / 40) - atan(40 / 60) + atan(5 / 50),
    ("ISBI 2015", "APDI"): 90 - atan(5 / 40) + atan(5 / 50),
    ("ISBI 2015", "FHI"): 100 * math.sqrt(7250 / 15850),
    ("ISBI 2015", "FMA"): atan(36 / 64),
    ("ISBI 2015", "MW"): math.sqrt(10),
    ("Steiner", "SNA"): 90 - atan(5 / 60),
    ("Steiner", "SNB"): 90 - atan(10 / 100),
    ("Steiner", "ANB"): atan(10 / 100) - atan(5 / 60),
    ("Steiner", "S-N to Go-Gn"): atan(36 / 64),
    ("Steiner", "U1 to N-A"): (68 - (70 - 80 / 12)) / math.sqrt(1 + 1 / 144),
    ("Steiner", "L1 to N-B"): (65 - (70 - 7.9)) / math.sqrt(1.01),
    ("Steiner", "Pog to N-B"): (62 - (70 - 11.5)) / math.sqrt(1.01),
    ("Downs", "facial angle"): 90 - atan(8 / 115),
    ("Downs", "convexity"): atan(3 / 55) - atan(5 / 60),
    ("Downs", "A-B plane"): atan(8 / 115) - atan(5 / 40),
    ("Downs", "Y axis"): atan(121 / 59),
    ("Downs", "mandibular plane"): atan(40 / 60),
    ("Tweed", "FMA"): atan(40 / 60),
    ("Ricketts", "facial depth"): 90 - atan(8 / 115),
    ("Ricketts", "mandibular plane"): atan(40 / 60),
    ("Ricketts", "convexity"): (65 - (70 - 60 * 8 / 115)) / math.hypot(1, 8 / 115),
    ("Ricketts", "L1 to A-Pog"): (65 - (65 - 19 * 3 / 55)) / math.hypot(1, 3 / 55),
    ("McNamara (women)", "A to N perpendicular"): -5,
    ("McNamara (women)", "Pog to N perpendicular"): -8,
    ("McNamara (women)", "U1 to A vertical"): 3,
    ("McNamara (women)", "L1 to A-Pog"): 19 * 3 / 55 / math.hypot(1, 3 / 55),
    ("McNamara (women)", "ANS-Me"): math.sqrt(5125),
    ("McNamara (men)", "A to N perpendicular"): -5,
    ("McNamara (men)", "Pog to N perpendicular"): -8,
    ("McNamara (men)", "U1 to A vertical"): 3,
    ("McNamara (men)", "L1 to A-Pog"): 19 * 3 / 55 / math.hypot(1, 3 / 55),
    ("McNamara (men)", "ANS-Me"): math.sqrt(5125),
    ("Jarabak", "saddle angle"): 90 + atan(15 / 30),
    ("Jarabak", "articular angle"): 180 - atan(15 / 30) - atan(10 / 55),
    ("Jarabak", "gonial angle"): 90 + atan(40 / 60) + atan(10 / 55),
    ("Jarabak", "sum of angles"): 360 + atan(40 / 60),
    ("Jarabak", "S-N"): 70,
    ("Jarabak", "S-Ar"): math.sqrt(1125),
    ("Jarabak", "Ar-Go"): math.sqrt(3125),
    ("Jarabak", "Go-Me"): math.sqrt(5200),
    ("Jarabak", "S-Go / N-Me"): 100 * math.sqrt(7250 / 15850),
    ("Eastman", "MMPA"): atan(40 / 60) - atan(5 / 50),
    ("Eastman", "S-N to maxillary plane"): atan(5 / 50),
    ("Eastman", "ANS-Me / N-Me"): 100 * math.sqrt(5125 / 15850),
    ("Eastman", "ANB corrected"): atan(10 / 100) - atan(5 / 60) - 0.5 * (90 - atan(5 / 60) - 81),
    ("Chang (women)", "AF-BF"): 5,
    ("Chang (men)", "AF-BF"): 5,
    ("Nanda and Merrill", "App-Bpp"): (5 * 50 - 40 * 5) / math.sqrt(2525),
    ("Soft tissue", "Z angle"): atan(41 / 8),
    ("Soft tissue", "UL to Sn-Pog'"): (80 - (78 - 13 / 9)) / math.sqrt(1 + 1 / 81),
    ("Soft tissue", "LL to Sn-Pog'"): (76 - (78 - 28 / 9)) / math.sqrt(1 + 1 / 81),
}
"""Every shipped measurement of it."""

LOOKS_LEFT = _face(
    S=(0, 0), N=(-60, -20), Or=(-50, 15), Po=(20, 15), A=(-55, 45), B=(-62, 85), Pog=(-66, 100), Me=(-58, 110),
    Gn=(-63, 108), Go=(10, 70), L1=(-63, 63), U1=(-61, 64), UL=(-68, 58), LL=(-74, 68), Sn=(-66, 46), Pog_=(-74, 100),
    PNS=(-10, 45), ANS=(-60, 40), Ar=(18, 20),
)  # fmt: skip
"""mm. The lower jaw and its incisors lie in front; the palatal plane and S-N run up towards the front."""

LEFT = {
    ("ISBI 2015", "ANB"): -atan(5 / 65) - atan(2 / 105),
    ("ISBI 2015", "ODI"): 90 - atan(7 / 40) - atan(40 / 68) - atan(5 / 50),
    ("ISBI 2015", "APDI"): 90 + atan(7 / 40) - atan(5 / 50),
    ("ISBI 2015", "FMA"): atan(38 / 73) + atan(20 / 60),
    ("ISBI 2015", "MW"): -math.sqrt(5),
    ("Steiner", "SNA"): 90 - atan(5 / 65) - atan(20 / 60),
    ("Steiner", "SNB"): 90 + atan(2 / 105) - atan(20 / 60),
    ("Steiner", "U1 to N-A"): (61 - (60 - 84 / 13)) / math.sqrt(1 + 1 / 169),
    ("Downs", "facial angle"): 90 + atan(6 / 120),
    ("Downs", "convexity"): -atan(5 / 65) - atan(11 / 55),
    ("Downs", "A-B plane"): atan(7 / 40) - atan(6 / 120),
    ("Downs", "mandibular plane"): atan(40 / 68),
    ("McNamara (women)", "A to N perpendicular"): -5,
    ("McNamara (women)", "Pog to N perpendicular"): 6,
    ("Jarabak", "saddle angle"): 90 + atan(18 / 20) + atan(20 / 60),
    ("Eastman", "MMPA"): atan(40 / 68) + atan(5 / 50),
    ("Eastman", "S-N to maxillary plane"): atan(20 / 60) - atan(5 / 50),
    ("Chang (women)", "AF-BF"): -7,
    ("Soft tissue", "Z angle"): 90,
}
"""Those whose sign depends on the way the face looks, and some others."""
