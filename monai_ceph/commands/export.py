"""``monai-ceph export``: write a bundle as one file, and say so."""

from __future__ import annotations

from pathlib import Path

from monai_ceph.export.bundle import export_bundle


def run(output: Path, *, format: str = "onnx", bundle: Path | None = None) -> None:
    """Export a bundle; arguments and errors as in :func:`monai_ceph.export.bundle.export_bundle`."""
    export_bundle(output, format=format, bundle=bundle)
    print(f"{output}: {format}, {output.stat().st_size / 1e6:.1f} MB, gives the bundle's points")
