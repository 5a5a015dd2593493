"""A few hundred damaged films through the way that ``predict`` reads them."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np

from tools.fuzz_readers import OUTCOMES, damaged, inputs, run, write_table


def test_damaged_films(tmp_path: Path) -> None:
    table = run(count=300, seed=20, seconds=45, keep=tmp_path)
    counts = sum(table.values(), Counter())
    assert sum(counts.values()) > 20
    assert set(counts) <= {"read", "refused", "reader_crashed"}, sorted(path.name for path in tmp_path.iterdir())
    assert counts["read"] and counts["refused"]


def test_same_seed_gives_the_same_damage() -> None:
    films = {"a.png": bytes(range(256)), "b.mha": b"DimSize = 20 30\n" * 9}
    first, second = list(inputs(films, 50, 1)), list(inputs(films, 50, 1))
    assert first == second != list(inputs(films, 50, 2))
    assert {name for name, _ in first} == set(films)
    assert all(data for _, data in first)
    assert damaged(b"x", np.random.default_rng(0)) != b""


def test_table_has_a_row_for_each_seed_and_one_for_all() -> None:
    out = io.StringIO()
    write_table({"b.png": Counter(read=2), "a.png": Counter(refused=3)}, out)
    assert out.getvalue().splitlines() == [
        "seed,inputs," + ",".join(OUTCOMES),
        "a.png,3,0,3,0,0,0,0",
        "b.png,2,2,0,0,0,0,0",
        "all,5,2,3,0,0,0,0",
    ]
