"""``monai-ceph compare``: print the differences between two sets of predictions and write them to a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_ceph.atomic import write_text
from monai_ceph.evaluation.compare import PairedEvaluation, compare
from monai_ceph.writers.paired import paired_json, paired_text


def run(
    a: Path, b: Path, references: Sequence[Path], *, json_file: Path | None = None, **options: Any
) -> PairedEvaluation:
    """Compare predictions and print how B differs from A.

    Args:
        a, b, references, options: as in :func:`monai_ceph.evaluation.compare.compare`.
        json_file: also write the whole result to this file.
    Returns:
        The result that was printed.
    Raises:
        OSError: the file cannot be written. Other errors are those of ``compare``.
    """
    paired = compare(a, b, references, **options)
    print(paired_text(paired), end="")
    if json_file is not None:
        write_text(json_file, paired_json(paired))
    return paired
