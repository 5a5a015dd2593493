"""Cephalometric landmark detection built from MONAI parts: two-stage heatmap regression.

Research software, not a medical device. The names below are loaded when they are first used, so that
``import monai_ceph`` loads neither torch nor MONAI:

- :func:`load_predictor`: a bundle ready to predict, see :mod:`monai_ceph.predictor`;
- :class:`Prediction`: the landmarks found on a film, see :mod:`monai_ceph.prediction`;
- :func:`evaluate`: predictions against references, see :mod:`monai_ceph.evaluation`;
- :func:`calibrate`: where a clinic marks each landmark, see :mod:`monai_ceph.calibration`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monai_ceph.calibration import calibrate
    from monai_ceph.evaluation import evaluate
    from monai_ceph.prediction import Prediction
    from monai_ceph.predictor import load_predictor

__version__ = "0.1.0"

__all__ = ["Prediction", "__version__", "calibrate", "evaluate", "load_predictor"]

_HOME = {
    "Prediction": "prediction",
    "calibrate": "calibration",
    "evaluate": "evaluation",
    "load_predictor": "predictor",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
