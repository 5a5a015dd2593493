"""Write tables of results whose first line says how they were made, and make the command lines of the benchmarks."""

from __future__ import annotations

import argparse
import csv
import io
import platform
import subprocess
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from monai_ceph.atomic import write_text

RESULTS = Path(__file__).parent / "results"


def command_line(description: str | None, table: str = "") -> argparse.ArgumentParser:
    """Return a parser that shows a program's docstring as it is, with ``--output`` for the table of results.

    Args:
        description: the docstring.
        table: the file in ``benchmarks/results`` that is written by default; the folder itself if there are several.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS / table)
    return parser


def write_results(path: Path, made: Sequence[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table, completely or not at all.

    Args:
        path: the CSV file.
        made: everything needed to reproduce the table, the command last, without paths of this machine.
        header: names of the columns.
        rows: cells of each row.
    """
    text = io.StringIO()
    text.write(f"# {'; '.join(made)}\n")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    write_text(path, text.getvalue())


def origin(command: str, *libraries: str, device: torch.device | str = "cpu", threads: int | None = None) -> list[str]:
    """Return machine, commit, versions and command, the end of the first line of a table.

    Args:
        command: how to make the table again, without paths of this machine.
        libraries: distributions whose versions matter; by default torch and MONAI.
        device, threads: as in :func:`machine_name`.
    """
    machine = machine_name(torch.device(device), threads)
    return [machine, commit(), versions(*(libraries or ("torch", "monai"))), f"command: {command}"]


def commit() -> str:
    """Return ``commit`` and the short hash of the checkout, with a plus if files differ from it."""
    ask = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    said = subprocess.run(ask, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return f"commit {said.stdout.strip() or 'unknown'}"


def versions(*names: str) -> str:
    """Return the versions of distributions, such as ``torch 2.13.0, monai 1.6.1``."""
    return ", ".join(f"{name} {version(name)}" for name in names)


def machine_name(device: torch.device, threads: int | None = None) -> str:
    """Return the GPU's name, or the processor's with the number of threads, by default of this process."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    threads = threads or torch.get_num_threads()
    return f"{names[0] if names else platform.machine()}, {threads} thread{'s' if threads > 1 else ''}"
