"""``monai-ceph compare``: compare two sets of predictions, print the differences and write them where asked to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_ceph.atomic import write_text
from monai_ceph.evaluation.compare import PairedEvaluation, compare
from monai_ceph.writers.paired import paired_json, paired_text


def run(a: Path, b: Path, references: Sequence[Path], *, json_file: Path | None = None, **how: Any) -> PairedEvaluation:
    """Compare predictions, print how B differs from A, and write it where asked to.

    Args:
        a, b, references, how: as in :func:`monai_ceph.evaluation.compare.compare`.
        json_file: also write everything there.
    Returns:
        What was printed.
    Raises:
        OSError: a file cannot be written; and what ``compare`` raises.
    """
    paired = compare(a, b, references, **how)
    print(paired_text(paired), end="")
    if json_file is not None:
        write_text(json_file, paired_json(paired))
    return paired
