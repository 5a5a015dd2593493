"""A folder with broken films among good ones: all good films are done, all broken ones named."""

from __future__ import annotations

from pathlib import Path

from benchmarks.broken_films import SPACING_MM, run, write_broken
from monai_ceph.phantoms import write_phantoms


def test_good_films_are_done_and_broken_ones_named(tiny_bundle: Path, tmp_path: Path) -> None:
    films = tmp_path / "films"
    good = write_phantoms(films, 4, size=(323, 400), spacing_mm=SPACING_MM)
    broken = write_broken(films, 12)
    outcome = run(films, tmp_path / "out", good, broken, "--bundle", str(tiny_bundle))
    assert (outcome.done, outcome.named, outcome.status) == (4, 12, 1)
    assert outcome.said == f"4 of 16 films done, in {tmp_path / 'out'}"
