"""Import MONAI without the packages that a prediction does not need.

``import monai`` also imports MONAI's optional dependencies, such as ignite, SciPy, pandas and ITK. Without them,
``monai-ceph predict`` loads its bundle in a third of the time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from monai_ceph.predictor.bundle import bundle_config, read_json
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor

UNUSED = (
    *("ignite", "matplotlib", "scipy", "pandas", "jsonschema", "requests"),
    *("tensorboard", "nibabel", "pydicom", "itk"),
)
"""What MONAI imports if it is there, and no part in :data:`PLAIN` uses; films are read by this package's own reader."""
PLAIN = {
    *("BasicUNet", "AttentionUnet", "Compose", "LoadImaged", "EnsureChannelFirstd", "NormalizeIntensityd"),
    *("Dataset", "DataLoader", "SupervisedEvaluator"),  # for the bundle's own run; not made here
}
"""The parts of MONAI that the shipped bundle is made of."""


@contextmanager
def without_packages(names: Sequence[str]) -> Iterator[None]:
    """Hide packages that are not imported yet, as if they were not installed.

    ``import monai`` also imports MONAI's optional dependencies, which takes two thirds of its time. Modules imported in
    this context never see the hidden packages, so use it only in a process with a single purpose.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is Python's own mark for this
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def import_lean_monai() -> None:
    """Import MONAI without the packages in :data:`UNUSED`, for a process that only computes scores."""
    with without_packages(UNUSED):
        import monai  # noqa: F401


def load_lean_predictor(
    bundle: Path | None = None,
    spacing_mm: float | None = None,
    device: str = "auto",
    scheme: str | Path | None = None,
    trust: bool = False,
) -> TorchPredictor:
    """Load a bundle in a third of the time, in a process that uses MONAI for nothing else afterwards.

    Arguments and errors are those of :func:`~monai_ceph.predictor.torch_predictor.load_torch_predictor`.
    """
    with without_packages(UNUSED) if _is_plain(bundle_config(bundle)) else nullcontext():
        return load_torch_predictor(bundle, spacing_mm, device, scheme=scheme, trust=trust)


def _is_plain(config: Path) -> bool:
    """Return whether all of a config's parts are the package's own or in :data:`PLAIN`."""

    def targets(part: Any) -> set[str]:
        inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        own = {str(part["_target_"])} if isinstance(part, dict) and "_target_" in part else set()
        return own.union(*map(targets, inside))

    parts = targets(read_json(config))
    return bool(parts) and all(target in PLAIN or target.startswith("monai_ceph.") for target in parts)
