"""Find bundles and read their configs."""

from __future__ import annotations

import hashlib
import json
import site
import sys
import sysconfig
from pathlib import Path
from typing import Any

DEFAULT, PAPER = "cephalometric_landmarks_pretrained", "cephalometric_landmarks"
"""Names of the shipped bundles: the one that is used where none is named, and the paper's system with ``BasicUNet``."""


def default_bundle() -> Path:
    """Return the folder of the shipped bundle that is used by default.

    Raises:
        FileNotFoundError: it is nowhere; the message names the places.

    >>> default_bundle().name
    'cephalometric_landmarks_pretrained'
    """
    return shipped_bundle(DEFAULT)


def paper_bundle() -> Path:
    """Return the folder of the shipped bundle with the paper's networks. Raises as :func:`default_bundle`.

    >>> paper_bundle().name
    'cephalometric_landmarks'
    """
    return shipped_bundle(PAPER)


def shipped_bundle(name: str) -> Path:
    """Return the folder of a shipped bundle: beside the package in a checkout, else where pip put it.

    Args:
        name: :data:`DEFAULT` or :data:`PAPER`.
    Raises:
        FileNotFoundError: it is nowhere; the message names the places.
    """
    # One folder in a virtual environment; outside of one, Debian's pip and `pip install --user` have their own.
    prefixes = dict.fromkeys([sys.prefix, sysconfig.get_path("data"), site.getuserbase()])
    places = [
        Path(__file__).resolve().parents[2] / "bundles" / name,
        *(Path(prefix) / "share" / "monai_ceph" / "bundles" / name for prefix in prefixes),
    ]
    for place in places:
        if (place / "configs" / "inference.json").is_file():
            return place
    raise FileNotFoundError(
        f"The shipped bundle was not found in {' or '.join(map(str, places))}; name a bundle with --bundle DIR."
    )


def bundle_config(bundle: Path | None) -> Path:
    """Return the ``inference.json`` of a bundle; None is the shipped one.

    Raises:
        FileNotFoundError: no bundle there.
    """
    bundle = default_bundle() if bundle is None else Path(bundle)
    config = bundle / "configs" / "inference.json"
    if not config.is_file():
        raise FileNotFoundError(f"'{bundle}' is not a bundle: it has no configs/inference.json.")
    return config


def bundle_version(bundle: Path) -> str:
    """Return the version that a bundle's ``metadata.json`` names; empty if there is none."""
    return str(read_json(bundle / "configs" / "metadata.json").get("version", ""))


def read_json(path: Path) -> dict[str, Any]:
    """Return a file's JSON object; empty if there is no such file, or if it is damaged or holds something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def read_config(*paths: Path) -> dict[str, Any]:
    """Return the content of config files, the later ones merged into the first.

    Raises:
        ValueError: one is not JSON, or not an object; the message names it.
    """
    from monai.bundle import ConfigParser

    for path in paths:
        try:
            content = ConfigParser.load_config_file(path)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"'{path}' is not a config: it is not JSON ({error}).") from error
        if not isinstance(content, dict):
            raise ValueError(f"'{path}' is not a config: expected a JSON object, got {type(content).__name__}.")
    return dict(ConfigParser.load_config_files(list(paths)))


def weights_file(bundle: Path | None) -> Path:
    """Return the file with a bundle's weights; an exported model is its own. None is the shipped bundle.

    Raises:
        FileNotFoundError: there is no bundle.
    """
    if bundle is not None and bundle.suffix == ".onnx":
        return bundle
    return bundle_config(bundle).parents[1] / "models" / "model.pt"


def digest(*paths: Path) -> str:
    """Return the first 12 digits of the SHA-256 of files, those that exist; "none" if none does."""
    content = [path.read_bytes() for path in paths if path.is_file()]
    return hashlib.sha256(b"".join(content)).hexdigest()[:12] if content else "none"


def model_text(bundle: Path | None) -> str:
    """Return in words which model predicts: the bundle, its version and its weights."""
    weights = weights_file(bundle)
    folder = weights.parents[1]
    name = weights.name if weights == bundle else f"{folder.resolve().name} {bundle_version(folder)}".strip()
    return f"{name}, weights {digest(weights)} (SHA-256, first 12 digits)"


def config_text(text: str) -> str:
    """Return a text, such as a path, as a config value: MONAI would take a # in it for its old separator."""
    return text if "#" not in text else "$" + repr(text).replace("#", r"\x23").replace("@", r"\x40")


def root_cause(error: BaseException) -> BaseException:
    """Return the first cause of an error: MONAI wraps errors of transforms and config expressions in RuntimeErrors."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error
