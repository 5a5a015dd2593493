"""``monai-ceph export``: write a bundle as one file."""

from __future__ import annotations

from pathlib import Path

from monai_ceph.export.bundle import export_bundle


def run(output: Path, *, format: str = "onnx", bundle: Path | None = None, trust: bool = False) -> None:
    """Export a bundle and print the result; see :func:`monai_ceph.export.bundle.export_bundle` for the arguments."""
    export_bundle(output, format=format, bundle=bundle, trust=trust)
    print(f"{output}: {format}, {output.stat().st_size / 1e6:.1f} MB, gives the bundle's points")
