"""Measure faces from points: measurements are declared as data and computed by pure functions.

>>> from monai_ceph.analysis import MEASUREMENTS, measure
>>> from monai_ceph.phantoms.mean_shape import MEAN_MM
>>> result = measure(MEAN_MM, spacing_mm=1.0)
>>> frame = result.to_frame().set_index(["analysis", "measurement"])
>>> round(float(frame.loc[("Steiner", "SNA"), "value"]), 1)
82.5
>>> len(result.values) == len(MEASUREMENTS)
True
"""

from monai_ceph.analysis.agreement import Agreement, Classification, agreement, classification
from monai_ceph.analysis.definition import Class, Measurement, Norm, Term, read_measurements
from monai_ceph.analysis.measure import Measurements, measure, measurement_values
from monai_ceph.analysis.shipped import MEASUREMENTS
from monai_ceph.analysis.superimposition import to_sn_frame
from monai_ceph.analysis.tracing import TRACING, DrawnLine, TracingLine, trace

__all__ = [
    "MEASUREMENTS",
    "TRACING",
    "Agreement",
    "Class",
    "Classification",
    "DrawnLine",
    "Measurement",
    "Measurements",
    "Norm",
    "Term",
    "TracingLine",
    "agreement",
    "classification",
    "measure",
    "measurement_values",
    "read_measurements",
    "to_sn_frame",
    "trace",
]
