"""Read the films and the settings of bundles that several benchmarks share."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from monai_ceph.data import isbi2015_datalist
from monai_ceph.data.datalist import datalist
from monai_ceph.predictor.bundle import paper_bundle


def bundle_settings(*names: str, bundle: Path | None = None) -> ConfigParser:
    """Return configurations of a bundle, by default the paper's, the later ones merged into the first."""
    parser = ConfigParser()
    parser.read_config([str((bundle or paper_bundle()) / "configs" / f"{name}.json") for name in names])
    return parser


def add_data_sets(parser: ArgumentParser) -> None:
    """Add ``--isbi`` and ``--hamedan``, the folders of both data sets."""
    parser.add_argument("--isbi", required=True, type=Path)
    parser.add_argument("--hamedan", required=True, type=Path)


def validation_films(dataset_dir: Path, bundle: Path | None = None) -> list[dict[str, Any]]:
    """Return the films of ISBI 2015 that a bundle holds out, by default the paper's, with the mean of the observers."""
    films = bundle_settings("inference", "evaluate", bundle=bundle).get_parsed_content("validation_films")
    return isbi2015_datalist(dataset_dir, films=films)


def other_clinic(folder: Path) -> list[dict[str, Any]]:
    """Return the films of the other clinic, with the mean of the observers."""
    return datalist(folder / "images", [folder / "observer_a", folder / "observer_b"])
