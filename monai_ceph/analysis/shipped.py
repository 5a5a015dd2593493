"""Hold the measurements that the package ships."""

from __future__ import annotations

from pathlib import Path

from monai_ceph.analysis.definition import Measurement, read_measurements

MEASUREMENTS: tuple[Measurement, ...] = read_measurements(Path(__file__).with_name("measurements.json"))
"""All of them, by analysis; docs/measurements.md lists them with their norms and sources."""
