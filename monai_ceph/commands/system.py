"""A bundle, ready to predict: what its ``inference.json`` wires, without an engine around it."""

from __future__ import annotations

import logging
import site
import sys
import sysconfig
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.writers.prediction import Prediction
from monai_ceph.writers.saver import to_prediction

BUNDLE = "cephalometric_landmarks"


def default_bundle() -> Path:
    """The shipped bundle: beside the package in a checkout, else where pip put it.

    Raises:
        FileNotFoundError: it is nowhere; the message names the places.
    """
    # One folder in a virtual environment; outside of one, Debian's pip and `pip install --user` have their own.
    prefixes = dict.fromkeys([sys.prefix, sysconfig.get_path("data"), site.getuserbase()])
    places = [
        Path(__file__).resolve().parents[2] / "bundles" / BUNDLE,
        *(Path(prefix) / "share" / "monai_ceph" / "bundles" / BUNDLE for prefix in prefixes),
    ]
    for place in places:
        if (place / "configs" / "inference.json").is_file():
            return place
    raise FileNotFoundError(
        f"The shipped bundle was not found in {' or '.join(map(str, places))}; name a bundle with --bundle DIR."
    )


def resolve_device(name: str) -> torch.device:
    """``auto`` is the first GPU if there is one.

    Raises:
        ValueError: no such device here; the message says what there is.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"Unknown device '{name}'; expected auto, cpu or cuda:0.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"There is no '{name}' here ({torch.cuda.device_count()} GPUs found); use --device cpu.")
    return device


@dataclass
class System:
    """What it takes to go from a film file to a prediction; one film at a time."""

    scheme: LandmarkScheme
    device: torch.device
    network: torch.nn.Module
    preprocessing: Any
    inferer: Any
    postprocessing: Any

    def load(self, film: Path) -> dict[str, Any]:
        """Read and prepare one film. Raises FilmError (a ValueError) naming it."""
        item: dict[str, Any] = self.preprocessing({"image": str(film)})
        return item

    def predict(self, item: dict[str, Any]) -> Prediction:
        """Landmarks of a film from :meth:`load`."""
        with torch.inference_mode():
            pred = self.inferer(item["image"][None].to(self.device), self.network)[0]
        return to_prediction(self.postprocessing({**item, "pred": pred}), self.scheme)


def load_system(bundle: Path | None = None, spacing_mm: float | None = None, device: str = "auto") -> System:
    """Load a bundle.

    Args:
        bundle: its folder; None is the shipped one.
        spacing_mm: the films' pixel size; wins over the one in the files.
        device: see :func:`resolve_device`.
    Raises:
        FileNotFoundError: no bundle there.
        WeightsError: its weights are missing, broken or of another network or scheme.
    """
    from monai.bundle import ConfigParser

    bundle = default_bundle() if bundle is None else Path(bundle)
    config = bundle / "configs" / "inference.json"
    if not config.is_file():
        raise FileNotFoundError(f"'{bundle}' is not a bundle: it has no configs/inference.json.")
    # MONAI warns at each start that a config can run code; this one ships with the weights that the user chose.
    logging.getLogger("monai.bundle.config_parser").setLevel(logging.ERROR)
    # LoadImage tries readers that no film needs here, and says that they lack their libraries.
    logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)
    parser = ConfigParser()
    parser.read_config(str(config))
    chosen = resolve_device(device)
    parser["bundle_root"], parser["film_spacing_mm"], parser["device"] = str(bundle), spacing_mm, chosen
    names = ("network", "preprocessing", "inferer", "postprocessing")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader")
            parts = {name: parser.get_parsed_content(name) for name in names}
        return System(scheme=parser.get_parsed_content("landmark_scheme"), device=chosen, **parts)
    except RuntimeError as error:
        reason = root_cause(error)
        # Nobody wants to read a config's source to learn that the weights are missing.
        raise reason if isinstance(reason, (ValueError, OSError)) else error from None


def root_cause(error: BaseException) -> BaseException:
    """What was raised at first: MONAI wraps what a transform or a config's expression raises in RuntimeErrors."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error
