"""Predict with the parts that a bundle's ``inference.json`` names, without an engine around them."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monai_ceph.atomic import file_sha256
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction, to_prediction
from monai_ceph.predictor.bundle import bundle_config, config_text, read_config, root_cause
from monai_ceph.predictor.device import resolve_device
from monai_ceph.predictor.predictor import Predictor, check_finite_result
from monai_ceph.predictor.trust import check_trusted

if TYPE_CHECKING:
    import torch


@dataclass(eq=False)
class TorchPredictor(Predictor):
    """Predict one film at a time with the parts of a bundle.

    Args:
        scheme: the landmarks.
        device, network, preprocessing, inferer, postprocessing: as the bundle's config names them.
        low_confidence: as in :class:`~monai_ceph.predictor.predictor.Predictor`.
        weights: the file of the network's weights.
    """

    scheme: LandmarkScheme
    device: torch.device
    network: torch.nn.Module
    preprocessing: Any
    inferer: Any
    postprocessing: Any
    low_confidence: float = 0.0
    weights: Path | None = None

    @cached_property
    def weights_sha256(self) -> str:
        return "" if self.weights is None else file_sha256(self.weights)

    @property
    def shares_cores(self) -> bool:
        return self.device.type == "cpu"

    def load(self, film: Path) -> dict[str, Any]:
        item: dict[str, Any] = self.preprocessing({"image": str(film)})
        return item

    def film_pixels(self, item: dict[str, Any]) -> np.ndarray | None:
        image = item["image"]
        as_read = image.shape[1:] == tuple(image.meta["spatial_shape"]) and bool((image.affine == np.eye(4)).all())
        return np.asarray(image[0]) if as_read else None

    def _predict(self, item: dict[str, Any]) -> Prediction:
        import torch

        with torch.inference_mode():
            pred = self.inferer(item["image"][None].to(self.device), self.network)[0]
        check_finite_result(pred, Path(str(item["image"].meta["filename_or_obj"])).name)
        return to_prediction(self.postprocessing({**item, "pred": pred}), self.scheme)


def load_torch_predictor(
    bundle: Path | None = None,
    spacing_mm: float | None = None,
    device: str = "auto",
    weights: Path | None = None,
    scheme: str | Path | None = None,
    trust: bool = False,
) -> TorchPredictor:
    """Load a bundle.

    Args:
        bundle: its folder; None is the shipped one.
        spacing_mm: the films' pixel size; takes precedence over the one in the files.
        device: see :func:`~monai_ceph.predictor.device.resolve_device`.
        weights: of the whole network; None is the bundle's ``models/model.pt``.
        scheme: name or file of the landmark scheme that the weights were trained with; None is the bundle's.
        trust: run the bundle's config even if it can run code that no shipped bundle has, see
            :mod:`monai_ceph.predictor.trust`.
    Raises:
        FileNotFoundError: there is no bundle.
        UntrustedBundleError: its config can run code of its own.
        ValueError: its config is not that of a bundle.
        WeightsError: its weights are missing, broken or of another network or scheme.
    """
    from monai.bundle import ConfigParser

    config = bundle_config(bundle)
    folder = config.parents[1]
    # MONAI warns at each start that a config can run code; check_trusted sees to that.
    logging.getLogger("monai.bundle.config_parser").setLevel(logging.ERROR)
    # LoadImage tries readers that no film needs here, and says that they lack their libraries.
    logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)
    parser = ConfigParser()
    parser.read_config(read_config(config))
    check_trusted(folder, parser.get(), trust=trust)
    parser["device"], parser["film_spacing_mm"] = resolve_device(device), spacing_mm
    for name, value in {"bundle_root": folder, "scheme": scheme, "weights": weights}.items():
        if value is not None:
            parser[name] = config_text(str(value))
    names = ("device", "network", "preprocessing", "inferer", "postprocessing")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader")
            parts = {name: parser.get_parsed_content(name) for name in names}
        return TorchPredictor(
            scheme=parser.get_parsed_content("landmark_scheme"),
            low_confidence=parser.get("low_confidence", 0.0),
            weights=folder / "models" / "model.pt" if weights is None else weights,
            **parts,
        )
    except RuntimeError as error:
        reason = root_cause(error)
        # Nobody wants to read a config's source to learn that the weights are missing.
        raise reason if isinstance(reason, (ValueError, OSError)) else error from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"'{config}' is not the config of a bundle ({type(error).__name__}: {error}); compare it with that of a "
            "shipped bundle."
        ) from error
