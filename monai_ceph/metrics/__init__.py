"""Compute radial errors and detection rates: functions, cumulative metrics and the statistics that papers report."""

from monai_ceph.metrics.detection_rate import CHALLENGE_THRESHOLDS_MM, DetectionRate, detection_rate
from monai_ceph.metrics.interval import intervals
from monai_ceph.metrics.radial_error import RadialError, radial_error
from monai_ceph.metrics.summary import error_statistics, summarise

__all__ = [
    "CHALLENGE_THRESHOLDS_MM",
    "DetectionRate",
    "RadialError",
    "detection_rate",
    "error_statistics",
    "intervals",
    "radial_error",
    "summarise",
]
