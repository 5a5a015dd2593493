"""The shipped system without its search for a face: the films of the benchmarks lie upright, at a known scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from monai.bundle import ConfigParser
from monai.transforms import Compose

from benchmarks.films import bundle_settings
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor

PARTS = ("preprocessing#transforms", "postprocessing#transforms", "inferer#inferer")


def upright_settings() -> dict[str, Any]:
    """What the bundle's paper.json sets for it; overrides of inference.json."""
    paper = ConfigParser.load_config_file(paper_bundle() / "configs" / "paper.json")
    return {name: paper[name] for name in PARTS}


def load_upright(spacing_mm: float, device: str = "auto", inferer: Any = None) -> TorchPredictor:
    """The shipped predictor with the paper's preprocessing: films come to an inferer at local scale, as a square.

    Args:
        spacing_mm: the films' pixel size.
        device: see :func:`~monai_ceph.predictor.device.resolve_device`.
        inferer: what takes the place of the shipped one; None: both stages without a search.
    """
    config = bundle_settings("inference")
    config.update({**upright_settings(), "film_spacing_mm": spacing_mm})
    shipped = load_torch_predictor(paper_bundle(), spacing_mm=spacing_mm, device=device)
    preprocessing, postprocessing = (config.get_parsed_content(f"{name}processing") for name in ("pre", "post"))
    assert isinstance(preprocessing, Compose)
    own = config.get_parsed_content("inferer") if inferer is None else inferer
    return replace(shipped, preprocessing=preprocessing, postprocessing=postprocessing, inferer=own)
