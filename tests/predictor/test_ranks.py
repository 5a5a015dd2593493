"""Films shared by several processes: the same table as from one, whatever becomes of the others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from monai_ceph.cli import main
from monai_ceph.predictor.ranks import Ranks, ranks
from tests.batch.test_predict import RECORDS, Stub, done, links, run
from tests.bundles.tiny import SPACING_MM

ROOT = Path(__file__).parents[2]
WORKER = """
import os, sys
from pathlib import Path
from tests.batch.test_predict import Stub, run
films, out, rank = Path(sys.argv[1]), Path(sys.argv[2]), os.environ["RANK"]

def step(film):
    print("film", film.name, flush=True)
    if film.name == "film_00007.png":
        raise ValueError("blank")
    if film.name == sys.argv[3]:
        os._exit(9)

try:
    result = run(films, out, Stub(on_predict=step))
    print("failed", result.failed, "first" if result.rank == 0 else "other")
except (ValueError, OSError) as error:
    print("error", error)
"""


def start(films: Path, out: Path, dies_at: str = "", count: int = 2) -> list[subprocess.Popen]:
    """The processes, as torchrun would start them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    shared |= {"OMP_NUM_THREADS": "1", "LOCAL_WORLD_SIZE": str(count)}
    return [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(films), str(out), dies_at],
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]


def finish(processes: list[subprocess.Popen]) -> list[tuple[str, str]]:
    return [process.communicate(timeout=300) for process in processes]


def films_of(printed: str) -> list[str]:
    return [line.split()[1] for line in printed.splitlines() if line.startswith("film ")]


def test_shares_are_disjoint_and_whole() -> None:
    shares = [Ranks(rank, 3).share(range(8)) for rank in range(3)]
    assert sorted(k for share in shares for k in share) == list(range(8))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_without_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with ranks() as us:
        assert (us.rank, us.count, us.sum(3, 4)) == (0, 1, [3, 4])


def test_processes_share_the_films(tmp_path: Path) -> None:
    films, out = links(tmp_path / "films", 21), tmp_path / "out"
    printed = [text for text, _ in finish(start(films, out))]
    assert [films_of(text) for text in printed] == [[f"film_{k:05d}.png" for k in range(r, 21, 2)] for r in (0, 1)]
    assert ["failed 1 first" in printed[0], "failed 1 other" in printed[1]] == [True, True], (
        "every process knows of every failure"
    )
    assert done(out) == {f"film_{k:05d}.png": k for k in range(21) if k != 7}
    assert sorted(path.name for path in out.iterdir()) == [".monai_ceph", "landmarks.csv"]
    again = [films_of(text) for text, _ in finish(start(films, out))]
    assert again == [[], ["film_00007.png"]]


def test_process_that_dies_loses_nothing_that_it_did(tmp_path: Path) -> None:
    films, out = links(tmp_path / "films", 400), tmp_path / "out"
    (first, _), (second, _) = finish(start(films, out, dies_at="film_00301.png"))
    assert "error another process of this run has ended early" in first
    assert not (out / "landmarks.csv").exists()
    shares = {f"film_{k:05d}.png" for k in range(1, 400, 2)}
    noted = sum(path.name.removesuffix(".json") in shares for path in (out / RECORDS).iterdir())
    assert noted > 100
    again = Stub()
    assert run(films, out, again).failed == 0
    assert set(again.predicted).isdisjoint(films_of(first)) and "film_00007.png" in again.predicted
    assert len(set(films_of(second)) & set(again.predicted)) == len(films_of(second)) - noted
    assert done(out) == {f"film_{k:05d}.png": k for k in range(400)}


def test_other_settings_are_refused_by_all(tmp_path: Path) -> None:
    films, out = links(tmp_path / "films", 4), tmp_path / "out"
    run(films, out, Stub(), spacing_mm=0.1)
    printed = [text for text, _ in finish(start(films, out))]
    assert "error The films in" in printed[0] and "other settings" in printed[0]
    assert "error another process of this run has ended early" in printed[1]


@pytest.mark.slow
def test_torchrun_gives_the_table_of_one_process(tiny_bundle: Path, phantom_films: Path, tmp_path: Path) -> None:
    options = ["--bundle", str(tiny_bundle), "--spacing", str(SPACING_MM), "--device", "cpu"]
    assert main(["predict", str(phantom_films), "--output", str(tmp_path / "one"), *options]) == 0
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "monai_ceph"]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, *torchrun, "predict", str(phantom_films), "--output", str(tmp_path / "two"), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    one, two = ({path.name for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert (tmp_path / "one" / "landmarks.csv").read_text() == (tmp_path / "two" / "landmarks.csv").read_text()
