"""Make a bundle's table of uncertainty again, after new weights: predict films that the weights have not seen.

usage: python -m tools.uncertainty ISBI_FOLDER [--bundle DIR] [--folds DIR] [--copies 1]

The bundle's validation films are predicted with its weights. If the weights were trained on all films, --folds names
the work folder of a cross-validation of the same recipe (benchmarks/cross_validation.py, such as cv/pretrained), and
every film is predicted by the fold that has not seen it. Each film is predicted as it is and in altered copies, see
tools/landmark_status.py: the expected error is fitted to all of them, radii and ellipses to the films as they are. The
bundle's configs/uncertainty.json gets the table, with the hash of the bundle's weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor

from monai_ceph.analysis.uncertainty import FilmEvidence, file_sha256, film_evidence
from monai_ceph.analysis.uncertainty_fit import KnownFilms, fit_uncertainty
from monai_ceph.data import isbi2015_datalist
from monai_ceph.data.film import read_film
from monai_ceph.export.whole_film import any_film_inferer
from monai_ceph.predictor.bundle import bundle_config
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor
from tools.landmark_status import Copy, copies

FOLDS = 3
"""As in benchmarks/cross_validation.py, which gives a film to the fold of its number."""
SPACING_MM = 0.1


def evidence_of(
    predictor: TorchPredictor, pixels: np.ndarray, spacing_mm: float
) -> tuple[FilmEvidence | None, np.ndarray]:
    """Return the evidence and the (N, 2) points, px, of a film (X, Y)."""
    film = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))[None]
    image = MetaTensor(film, affine=torch.eye(3), meta={"spacing_mm": np.full(2, spacing_mm)})
    with torch.inference_mode():
        pred = predictor.inferer(image[None], predictor.network)[0]
    found = np.asarray(pred.to(torch.float64))
    outer = any_film_inferer(predictor.inferer)
    assert outer.search is not None
    if found[0, 5] < outer.search.believable:
        return None, found[:, :2]
    told = (spacing_mm, spacing_mm)
    return film_evidence(found[:, :2], found[:, 2], found[:, 3:], told, outer.search.shape), found[:, :2]


def known_films(
    films: Iterable[tuple[dict[str, Any], TorchPredictor]], copies_of: Callable[[int, dict[str, Any]], Iterator[Copy]]
) -> KnownFilms:
    """Predict films and their copies; those on which no face was seen are left out."""
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int, bool]] = []
    for number, (item, predictor) in enumerate(films):
        for copy in copies_of(number, item):
            evidence, points = evidence_of(predictor, copy.pixels, copy.spacing_mm)
            if evidence is not None:
                error = (points - copy.points_px) * copy.spacing_mm
                rows.append((*evidence, error, number, copy.kind == "plain"))
        print(f"{number + 1}: {Path(str(item['image'])).name}", flush=True)
    return KnownFilms(*(np.stack(column) for column in zip(*rows, strict=True)))


def told_copies(spacing_mm: float, count: int) -> Callable[[int, dict[str, Any]], Iterator[Copy]]:
    """Return a function that yields a film and ``count`` + 2 copies of it; 0 is the film alone."""

    def of(number: int, item: dict[str, Any]) -> Iterator[Copy]:
        name, points = str(item["image"]), np.asarray(item["points_px"], dtype=np.float64)
        pixels = read_film(name)[0]
        if not count:
            yield Copy(Path(name).stem, "plain", pixels, points, spacing_mm, True)
            return
        yield from copies(Path(name).stem, pixels, points, spacing_mm, number, count)

    return of


def held_out(dataset_dir: Path, bundle: Path, folds: Path | None) -> Iterator[tuple[dict[str, Any], TorchPredictor]]:
    """Yield films of ISBI 2015 with a predictor that has not seen them."""
    if folds is None:
        parser = ConfigParser()
        parser.read_config([str(bundle / "configs" / f"{name}.json") for name in ("inference", "evaluate")])
        predictor = load_torch_predictor(bundle, SPACING_MM, "cpu")
        for item in isbi2015_datalist(str(dataset_dir), films=parser.get_parsed_content("validation_films")):
            yield item, predictor
        return
    items = isbi2015_datalist(str(dataset_dir))
    for fold in range(FOLDS):
        predictor = load_torch_predictor(bundle, SPACING_MM, "cpu", folds / str(fold) / "model.pt")
        for item in items:
            if int(item["film"]) % FOLDS == fold:
                yield item, predictor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset_dir", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--folds", type=Path, help="work folder of a recipe's cross-validation")
    parser.add_argument("--copies", type=int, default=1, help="copies beside itself, an equalised one and one drawn on")
    arguments = parser.parse_args()
    config = bundle_config(arguments.bundle)
    bundle = config.parents[1]
    films = held_out(arguments.dataset_dir, bundle, arguments.folds)
    known = known_films(films, told_copies(SPACING_MM, arguments.copies))
    symbols = load_torch_predictor(bundle, SPACING_MM, "cpu").scheme.symbols
    measured = {
        "films": int(known.plain.sum()),
        "copies": int((~known.plain).sum()),
        "held_out": "cross-validation" if arguments.folds else "validation films",
    }
    table = fit_uncertainty(known, file_sha256(bundle / "models" / "model.pt"), symbols, measured=measured)
    table.write(config.with_name("uncertainty.json"))
    print(config.with_name("uncertainty.json"))


if __name__ == "__main__":
    main()
