"""What a machine can do at most; how landmarker is asked, in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.models.registry import KEEP_MEMORY, ROOT, landmarker_python


def matmul_peak_gflops(dtype: torch.dtype, device: torch.device, size: int = 2048, seconds: float = 1.0) -> float:
    """Best rate of a large square matrix product, GFLOP/s (a multiply-add is two).

    Args:
        dtype: what is multiplied.
        device: where.
        size: rows and columns: large enough that reading the operands costs nothing beside the products.
        seconds: how long to try.
    """
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end or best == float("inf"):
        start = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def landmarker(what: str, job: dict[str, Any], folder: Path) -> dict[str, Any] | None:
    """Runs `benchmarks.speed.landmarker`; None, with a word on standard error, where its environment is not there."""
    python = landmarker_python()
    if not Path(python).is_file():
        print(f"landmarker is left out: no '{python}'; make landmarker-env makes it.", file=sys.stderr)
        return None
    given = folder / "job.json"
    given.write_text(json.dumps(job), encoding="utf-8")
    call = [python, "-m", "benchmarks.speed.landmarker", what, str(given)]
    environment = {**os.environ, **KEEP_MEMORY}
    said = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    result: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return result
