"""Does `monai-ceph predict` do every good film of a folder and name every broken one?

    python -m benchmarks.broken_films [--good 200] [--broken 50] [--more FOLDER]

Good films are small phantoms and copies of them. Broken ones are of ten kinds, drawn here; ``--more`` is a
folder of others to take first, such as files that crash a decoder. Nothing here depends on the networks: ``--bundle``
may name a bundle with small ones. Writes ``benchmarks/results/broken_films.csv``.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import itk
import numpy as np

from benchmarks.provenance import command_line, origin, write_results
from monai_ceph.phantoms import write_phantoms
from tools.fuzz_readers import seeds

SPACING_MM = 0.4
DRAWN = 20
"""How many good films are drawn; the others are copies."""
COLUMNS = ("good_films", "broken_films", "done", "named", "exit_status", "seconds")


@dataclass(frozen=True)
class Outcome:
    """What came of a folder.

    Args:
        done: good films with all rows in the table.
        named: broken films that standard error names.
        said: what the program printed last.
        status: exit status.
    """

    done: int
    named: int
    said: str
    status: int


def write_broken(folder: Path, count: int) -> list[Path]:
    """Write files that no reader may take for a film, of ten kinds in turn, and return them."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = seeds(Path(scratch))
    loop = bytearray(whole["gray.tif"])
    first = struct.unpack("<I", loop[4:8])[0]
    entries = struct.unpack("<H", loop[first : first + 2])[0]
    next_page = first + 2 + 12 * entries
    loop[next_page : next_page + 4] = struct.pack("<I", first)
    png = whole["gray.png"]
    size = struct.pack(">II", 60_000, 60_000) + png[24:29]
    kinds: tuple[tuple[str, Callable[[int], bytes]], ...] = (
        ("empty.png", lambda k: b""),
        ("text.jpg", lambda k: b"no picture, whatever its name says\n" * (k + 1)),
        ("cut.png", lambda k: png[: len(png) // (k + 2)]),
        ("cut.jpg", lambda k: whole["gray.jpg"][: len(whole["gray.jpg"]) // (k + 2)]),
        ("cut.mha", lambda k: whole["film.mha"][: -(k + 1) * 1000]),
        ("cut.dcm", lambda k: whole["explicit.dcm"][: -(k + 1) * 1000]),
        ("huge.png", lambda k: png[:16] + size + struct.pack(">I", zlib.crc32(b"IHDR" + size)) + png[33:]),
        ("loop.tif", lambda k: bytes(loop)),
        ("blank.bmp", lambda k: whole["gray.bmp"][:54] + bytes([k]) * (len(whole["gray.bmp"]) - 54)),
    )
    written = []
    for k in range(count):
        n, kind = divmod(k, len(kinds) + 1)
        if kind == len(kinds):
            path = folder / f"broken_{n:02d}_nan.mha"
            itk.imwrite(itk.image_from_array(np.full((120, 96), np.nan, dtype=np.float32)), str(path))
        else:
            name, content = kinds[kind]
            path = folder / f"broken_{n:02d}_{name}"
            path.write_bytes(content(n))
        written.append(path)
    return written


def run(films: Path, output: Path, good: Sequence[Path], broken: Sequence[Path], *options: str) -> Outcome:
    """Predict a folder as a user does, and count what came of it."""
    command = [sys.executable, "-m", "monai_ceph", "predict", str(films), "--output", str(output)]
    done = subprocess.run(
        [*command, "--spacing", str(SPACING_MM), "--device", "cpu", "--format", "csv", *options],
        capture_output=True,
        text=True,
    )
    table = (output / "landmarks.csv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.partition(",")[0] for line in table]
    found = sum(rows.count(film.name) > 0 for film in good)
    if set(rows) - {film.name for film in good}:
        raise RuntimeError(f"Broken films are in the table: {sorted(set(rows) - {film.name for film in good})}.")
    named = sum(re.search(rf"{re.escape(film.name)}: \w", done.stderr) is not None for film in broken)
    return Outcome(found, named, done.stdout.splitlines()[-1], done.returncode)


def main(argv: Sequence[str] | None = None) -> None:
    parser = command_line(__doc__, "broken_films.csv")
    parser.add_argument("--good", type=int, default=200)
    parser.add_argument("--broken", type=int, default=50)
    parser.add_argument("--more", type=Path, help="folder of broken films to take before any is drawn")
    parser.add_argument("--bundle", type=Path, help="default: the shipped one")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        films = Path(scratch) / "films"
        drawn = write_phantoms(films, min(arguments.good, DRAWN), size=(484, 600), spacing_mm=SPACING_MM)
        copies = [films / f"copy_{k:03d}.png" for k in range(DRAWN, arguments.good)]
        good = [*drawn, *(Path(shutil.copy(drawn[k % DRAWN], copy)) for k, copy in enumerate(copies))]
        more = sorted(path for path in arguments.more.iterdir() if path.suffix != ".md") if arguments.more else []
        broken = [Path(shutil.copy(path, films)) for path in more][: arguments.broken]
        broken += write_broken(films, arguments.broken - len(broken))
        (films / "points.csv").unlink()
        start = time.monotonic()
        bundle = ["--bundle", str(arguments.bundle)] if arguments.bundle else []
        outcome = run(films, Path(scratch) / "out", good, broken, *bundle)
        seconds = time.monotonic() - start
    print(outcome)
    options = " --more FOLDER" * bool(more) + " --bundle FOLDER" * bool(arguments.bundle)
    command = f"python -m benchmarks.broken_films --good {len(good)} --broken {len(broken)}{options}"
    row = [len(good), len(broken), outcome.done, outcome.named, outcome.status, f"{seconds:.0f}"]
    write_results(arguments.output, origin(command, "torch", "monai", "numpy"), COLUMNS, [row])


if __name__ == "__main__":
    main()
