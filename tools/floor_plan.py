"""Draw the floors of the package from the import contract in setup.cfg, for docs/architecture.md.

python tools/floor_plan.py            write docs/images/floor_plan.svg
python tools/floor_plan.py --check    exit with status 1 if the picture is out of date
"""

from __future__ import annotations

import argparse
import configparser
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

REPOSITORY = Path(__file__).resolve().parents[1]
PICTURE = Path("docs/images/floor_plan.svg")
STEPS = {
    name: number
    for number, name in enumerate(
        (
            *("cli", "commands", "batch", "predictor", "data", "transforms", "inferers", "networks"),
            *("heatmaps", "geometry", "prediction", "formats", "writers"),
        ),
        start=1,
    )
}
"""The modules that ``monai-ceph predict`` passes through, in the order of the walk in docs/architecture.md."""

ROW, BOX, GAP, LEFT, TOP = 46, 32, 10, 44, 52
CHARACTER = 7.6
"""Width of a character of the modules' names, and the other sizes above, in pixels of the picture."""
INK, QUIET, LINE, PATH, PAPER = "#1f2933", "#62707d", "#c5ced6", "#1f6fb4", "#ffffff"


def main(argv: Sequence[str] | None = None) -> int:
    """Write or check the picture; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, say whether the picture is out of date")
    check = parser.parse_args(argv).check
    picture = REPOSITORY / PICTURE
    text = draw(floors(REPOSITORY / "setup.cfg"), STEPS)
    if not check:
        picture.write_text(text, encoding="utf-8")
    elif not picture.is_file() or picture.read_text(encoding="utf-8") != text:
        print(f"{PICTURE} is not what setup.cfg says; run: python tools/floor_plan.py", file=sys.stderr)
        return 1
    return 0


def floors(setup: Path) -> list[list[str]]:
    """Return the modules of each floor, the highest floor first, from the import contract."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(setup, encoding="utf-8")
    layers = config["importlinter:contract:layers"]["layers"].strip().splitlines()
    return [[name.strip(" ()") for name in layer.split("|")] for layer in layers]


def draw(plan: Sequence[Sequence[str]], steps: Mapping[str, int]) -> str:
    """Return the picture as SVG: a row for each floor, a box for each module, numbers on the way of a film.

    Args:
        plan: the modules of each floor, the highest floor first.
        steps: the number of each module on the way.
    Raises:
        ValueError: a module on the way is on no floor.
    """
    if lost := set(steps) - {name for floor in plan for name in floor}:
        raise ValueError(f"Expected modules of the import contract, got {', '.join(sorted(lost))}; correct STEPS.")
    width = max(560.0, *(LEFT + sum(_width(name, steps) + GAP for name in floor) for floor in plan))
    height = TOP + ROW * len(plan) + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" font-family="sans-serif">',
        "<title>Floors of the package</title>",
        f'<rect width="{width:g}" height="{height}" fill="{PAPER}"/>',
        _text(LEFT, 20, "A module imports only from lower floors, never from a neighbour.", 14, INK),
        _text(LEFT, 38, "Numbers: the way of one film through monai-ceph predict.", 12, PATH),
    ]
    for row, floor in enumerate(plan):
        top = TOP + ROW * row
        lines.append(_text(12, top + 21, str(len(plan) - row), 12, QUIET))
        left = float(LEFT)
        for name in floor:
            on_way, box = name in steps, _width(name, steps)
            lines.append(
                f'<rect x="{left:g}" y="{top}" width="{box:g}" height="{BOX}" rx="5" fill="{PAPER}" '
                f'stroke="{PATH if on_way else LINE}" stroke-width="{2 if on_way else 1}"/>'
            )
            if on_way:
                lines.append(f'<circle cx="{left + 17:g}" cy="{top + 16}" r="10" fill="{PATH}"/>')
                lines.append(_text(left + 17, top + 20, str(steps[name]), 11, PAPER, "middle"))
            lines.append(_text(left + (32 if on_way else 10), top + 21, name, 13, INK))
            left += box + GAP
    return "\n".join([*lines, "</svg>"]) + "\n"


def _width(name: str, steps: Mapping[str, int]) -> float:
    return round(CHARACTER * len(name) + (42 if name in steps else 20), 1)


def _text(x: float, y: float, text: str, size: int, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


if __name__ == "__main__":
    sys.exit(main())
