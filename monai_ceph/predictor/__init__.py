"""Load a bundle and predict the landmarks of films, with torch or onnxruntime."""

from monai_ceph.predictor.bundle import default_bundle, paper_bundle
from monai_ceph.predictor.load import load_predictor
from monai_ceph.predictor.predictor import Predictor

__all__ = ["Predictor", "default_bundle", "load_predictor", "paper_bundle"]
