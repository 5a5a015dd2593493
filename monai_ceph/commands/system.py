"""A bundle, ready to predict: what its ``inference.json`` wires, without an engine around it."""

from __future__ import annotations

import json
import logging
import os
import site
import sys
import sysconfig
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_ceph.commands.absent import as_if_absent
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.writers.prediction import Prediction
from monai_ceph.writers.saver import to_prediction

if TYPE_CHECKING:
    import torch

BUNDLE = "cephalometric_landmarks"
UNUSED = (
    "ignite",
    "matplotlib",
    "scipy",
    "pandas",
    "jsonschema",
    "requests",
    "tensorboard",
    "nibabel",
    "pydicom",
    "itk",
)
"""What MONAI imports if it is there, and no part in :data:`PLAIN` uses; films are read by this package's own reader."""
PLAIN = frozenset(
    (
        *("BasicUNet", "AttentionUnet", "Compose", "LoadImaged", "EnsureChannelFirstd", "NormalizeIntensityd"),
        *("Dataset", "DataLoader", "SupervisedEvaluator"),  # for the bundle's own run; not made here
    )
)
"""The parts of MONAI that the shipped bundle is made of."""


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
    """``auto`` is a GPU if there is one: the first, or that of a process which torchrun started.

    Raises:
        ValueError: no such device here; the message says what there is.
    """
    import torch

    if name == "auto":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        return torch.device(f"cuda:{int(os.environ.get('LOCAL_RANK', 0)) % count}" if count else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"Unknown device '{name}'; expected auto, cpu or cuda:0.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"There is no '{name}' here ({torch.cuda.device_count()} GPUs found); use --device cpu.")
    return device


@dataclass
class System:
    """What it takes to go from a film file to a prediction; one film at a time.

    Args:
        scheme: the landmarks.
        device, network, preprocessing, inferer, postprocessing: as the bundle's config names them.
        low_confidence: a film whose landmarks' median confidence is below this is unlike those the bundle was made for,
            or of another pixel size than was said; 0 is no such limit.
    """

    scheme: LandmarkScheme
    device: torch.device
    network: torch.nn.Module
    preprocessing: Any
    inferer: Any
    postprocessing: Any
    low_confidence: float = 0.0

    @property
    def shares_cores(self) -> bool:
        """Whether the networks run on the processor, which also reads films and writes results."""
        return self.device.type == "cpu"

    def load(self, film: Path) -> dict[str, Any]:
        """Read and prepare one film. Raises FilmError (a ValueError) naming it."""
        item: dict[str, Any] = self.preprocessing({"image": str(film)})
        return item

    def predict(self, item: dict[str, Any]) -> Prediction:
        """Landmarks of a film from :meth:`load`."""
        import torch

        with torch.inference_mode():
            pred = self.inferer(item["image"][None].to(self.device), self.network)[0]
        return to_prediction(self.postprocessing({**item, "pred": pred}), self.scheme)


def bundle_config(bundle: Path | None) -> Path:
    """The ``inference.json`` of a bundle; None is the shipped one.

    Raises:
        FileNotFoundError: no bundle there.
    """
    bundle = default_bundle() if bundle is None else Path(bundle)
    config = bundle / "configs" / "inference.json"
    if not config.is_file():
        raise FileNotFoundError(f"'{bundle}' is not a bundle: it has no configs/inference.json.")
    return config


def load_system(
    bundle: Path | None = None,
    spacing_mm: float | None = None,
    device: str = "auto",
    weights: Path | None = None,
) -> System:
    """Load a bundle.

    Args:
        bundle: its folder; None is the shipped one.
        spacing_mm: the films' pixel size; wins over the one in the files.
        device: see :func:`resolve_device`.
        weights: of the whole network; None is the bundle's ``models/model.pt``.
    Raises:
        FileNotFoundError: no bundle there.
        WeightsError: its weights are missing, broken or of another network or scheme.
    """
    from monai.bundle import ConfigParser

    config = bundle_config(bundle)
    # MONAI warns at each start that a config can run code; this one ships with the weights that the user chose.
    logging.getLogger("monai.bundle.config_parser").setLevel(logging.ERROR)
    # LoadImage tries readers that no film needs here, and says that they lack their libraries.
    logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)
    parser = ConfigParser()
    parser.read_config(str(config))
    chosen = resolve_device(device)
    parser["bundle_root"], parser["film_spacing_mm"] = config_text(str(config.parents[1])), spacing_mm
    parser["device"] = chosen
    if weights is not None:
        parser["weights"] = config_text(str(weights))
    names = ("network", "preprocessing", "inferer", "postprocessing")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader")
            parts = {name: parser.get_parsed_content(name) for name in names}
        return System(
            scheme=parser.get_parsed_content("landmark_scheme"),
            device=chosen,
            low_confidence=parser.get("low_confidence", 0.0),
            **parts,
        )
    except RuntimeError as error:
        reason = root_cause(error)
        # Nobody wants to read a config's source to learn that the weights are missing.
        raise reason if isinstance(reason, (ValueError, OSError)) else error from None


def config_text(text: str) -> str:
    """A text, such as the path of a folder, as a config's value: MONAI would take a # in it for its old separator."""
    return text if "#" not in text else "$" + repr(text).replace("#", r"\x23").replace("@", r"\x40")


def load_system_alone(bundle: Path | None = None, spacing_mm: float | None = None, device: str = "auto") -> System:
    """:func:`load_system` in a third of the time, for a process that does nothing else with MONAI afterwards."""
    with as_if_absent(UNUSED) if _is_plain(bundle_config(bundle)) else nullcontext():
        return load_system(bundle, spacing_mm, device)


def _is_plain(config: Path) -> bool:
    """Whether a config's parts are the package's own and those in :data:`PLAIN`."""

    def targets(part: Any) -> set[str]:
        inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        own = {str(part["_target_"])} if isinstance(part, dict) and "_target_" in part else set()
        return own.union(*map(targets, inside))

    try:
        found = targets(json.loads(config.read_text(encoding="utf-8")))
    except (OSError, ValueError):  # for load_system to tell
        return False
    return all(target in PLAIN or target.startswith("monai_ceph.") for target in found)


def root_cause(error: BaseException) -> BaseException:
    """What was raised at first: MONAI wraps what a transform or a config's expression raises in RuntimeErrors."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error
