"""Cephalometric landmark detection built from MONAI parts: two-stage heatmap regression.

Research software, not a medical device. The names below are loaded when they are first used, so that
``import monai_ceph`` loads neither torch nor MONAI:

- :func:`load_predictor`: a bundle ready to predict, see :mod:`monai_ceph.predictor`;
- :class:`Prediction`: the landmarks found on a film, see :mod:`monai_ceph.prediction`;
- :func:`evaluate`: predictions against references, see :mod:`monai_ceph.evaluation`;
- :func:`calibrate`: where a clinic marks each landmark, see :mod:`monai_ceph.calibration`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai_ceph.lazy_names import lazy_names

if TYPE_CHECKING:
    from monai_ceph.calibration import calibrate
    from monai_ceph.evaluation import evaluate
    from monai_ceph.prediction import Prediction
    from monai_ceph.predictor import load_predictor

__version__ = "0.1.0"

__all__ = ["Prediction", "__version__", "calibrate", "evaluate", "load_predictor"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "calibration": ["calibrate"],
        "evaluation": ["evaluate"],
        "prediction": ["Prediction"],
        "predictor": ["load_predictor"],
    },
)
