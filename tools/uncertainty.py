"""Make a bundle's table of uncertainty again, after new weights: predict films that the weights have not seen.

usage: python -m tools.uncertainty ISBI_FOLDER WORK_FOLDER [--bundle DIR] [--folds DIR --unseen FILMS SPACING_MM]

The bundle's validation films are predicted with its weights. If the weights were trained on all films, --folds names
the work folder of a cross-validation of the same recipe (benchmarks/cross_validation.py, such as cv/pretrained): every
film is predicted by the fold that has not seen it, and the table is moved to the bundle's weights by --unseen films,
which neither have seen and which need no annotation. Folds that have not ended are left out.

Each film is predicted as it is and in altered copies, see tools/landmark_status.py: the expected error is fitted to all
of them, radii and ellipses to the films as they are. The bundle's configs/uncertainty.json gets the table, with the
hash of the bundle's weights. The work folder keeps what was predicted, for another fit and for
benchmarks/uncertainty.py; files of other weights are made again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

from benchmarks.films import validation_films
from monai_ceph.analysis.uncertainty import FEATURES, FilmEvidence, UncertaintyTable, film_evidence
from monai_ceph.analysis.uncertainty_fit import KnownFilms, fit_uncertainty, for_weights_trained_on_more
from monai_ceph.atomic import file_sha256
from monai_ceph.data import find_films, isbi2015_datalist
from monai_ceph.data.film import read_film
from monai_ceph.export.whole_film import any_film_inferer
from monai_ceph.predictor.bundle import bundle_config
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor
from tools.landmark_status import Copy, copies

FOLDS = 3
"""As in benchmarks/cross_validation.py, which gives a film to the fold of its number."""
SPACING_MM = 0.1
KINDS = 1
"""Random kinds of altered copy of each film, beside an equalised one and one that is drawn on."""


def evidence_of(
    predictor: TorchPredictor, pixels: np.ndarray, spacing_mm: float
) -> tuple[FilmEvidence | None, np.ndarray]:
    """Return the evidence and the (N, 2) points, px, of a film (X, Y); no evidence if no face was seen."""
    film = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))[None]
    image = MetaTensor(film, affine=torch.eye(3), meta={"spacing_mm": np.full(2, spacing_mm)})
    with torch.inference_mode():
        pred = predictor.inferer(image[None], predictor.network)[0]
    found = np.asarray(pred.to(torch.float64))
    outer = any_film_inferer(predictor.inferer)
    assert outer.search is not None
    if found[0, 5] < outer.search.believable:
        return None, found[:, :2]
    spacing = (spacing_mm, spacing_mm)
    return film_evidence(found[:, :2], found[:, 2], found[:, 3:], spacing, outer.search.shape), found[:, :2]


def film_copies(item: Mapping[str, Any], spacing_mm: float, altered: bool, seed: int) -> Iterator[Copy]:
    """Yield a film as it is and, if wanted, altered copies of it."""
    film, points = str(item["image"]), np.asarray(item["points_px"], dtype=np.float64)
    pixels = read_film(film)[0]
    if altered:
        yield from copies(Path(film).stem, pixels, points, spacing_mm, seed, KINDS)
    else:
        yield Copy(Path(film).stem, "plain", pixels, points, spacing_mm, True)


def predicted(
    path: Path,
    items: Iterable[Mapping[str, Any]],
    load: Callable[[], TorchPredictor],
    weights: Path,
    spacing_mm: float = SPACING_MM,
    altered: bool = False,
) -> KnownFilms:
    """Return what is known of predicted films: out of a file, or predicted now and written to it.

    Args:
        path: the file, .npz; it is made again if it was made with other weights or has other features.
        items: the films with their ``points_px``.
        load: makes the predictor.
        weights: the file of the predictor's weights.
        spacing_mm: the films' pixel size.
        altered: whether altered copies are predicted as well. Those on which no face is seen are left out.
    """
    made_with = {"weights": np.array(file_sha256(weights)), "names": np.array(FEATURES)}
    if not _is_kept(path, made_with):
        predictor = load()
        rows = []
        for number, item in enumerate(items):
            for copy in film_copies(item, spacing_mm, altered, number):
                evidence, points = evidence_of(predictor, copy.pixels, copy.spacing_mm)
                if evidence is not None:
                    error = (points - copy.points_px) * copy.spacing_mm
                    rows.append((*evidence, error, number, copy.kind == "plain"))
            print(f"{path.stem}: {number + 1}", flush=True)
        known = KnownFilms(*(np.stack(column) for column in zip(*rows, strict=True)))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{**known._asdict(), **made_with})
    with np.load(path) as arrays:
        return KnownFilms(**{name: arrays[name] for name in KnownFilms._fields})


def _is_kept(path: Path, made_with: Mapping[str, np.ndarray]) -> bool:
    """Return whether a file of predicted films is there and was made with these weights and features."""
    if not path.exists():
        return False
    with np.load(path) as arrays:
        return all(name in arrays and np.array_equal(arrays[name], value) for name, value in made_with.items())


def joined(parts: Iterable[KnownFilms]) -> KnownFilms:
    """Return several sets of films as one."""
    numbered = [part._replace(films=part.films + 1000 * k) for k, part in enumerate(parts)]
    return KnownFilms(*(np.concatenate(columns) for columns in zip(*numbered, strict=True)))


def ended_folds(folds: Path) -> list[int]:
    """Return the folds of a cross-validation that have ended."""
    return [fold for fold in range(FOLDS) if (folds / str(fold) / "train.json").exists()]


def held_out(dataset_dir: Path, work: Path, bundle: Path, folds: Path | None) -> KnownFilms:
    """Return films of ISBI 2015 and altered copies, each predicted by weights that have not seen the film."""
    if folds is None:
        items = validation_films(dataset_dir, bundle)
        shipped = bundle / "models" / "model.pt"

        def load_shipped() -> TorchPredictor:
            return load_torch_predictor(bundle, SPACING_MM, "cpu")

        return predicted(work / "validation.npz", items, load_shipped, shipped, altered=True)
    items = isbi2015_datalist(str(dataset_dir))
    parts = []
    for fold in ended_folds(folds):
        weights = folds / str(fold) / "model.pt"
        of_fold = [item for item in items if int(item["film"]) % FOLDS == fold]

        def load(weights: Path = weights) -> TorchPredictor:
            return load_torch_predictor(bundle, SPACING_MM, "cpu", weights)

        parts.append(predicted(work / f"fold{fold}.npz", of_fold, load, weights, altered=True))
    return joined(parts)


def moved(
    table: UncertaintyTable, bundle: Path, folds: Path, work: Path, films: Path, spacing_mm: float
) -> UncertaintyTable:
    """Return the table of a cross-validation for the bundle's weights."""
    unknown = np.full((len(table.symbols), 2), np.nan)
    items = [{"image": film, "points_px": unknown} for film in find_films([films])]

    def features(name: str, weights: Path | None) -> np.ndarray:
        def load() -> TorchPredictor:
            return load_torch_predictor(bundle, spacing_mm, "cpu", weights)

        made_with = bundle / "models" / "model.pt" if weights is None else weights
        return predicted(work / f"{name}.npz", items, load, made_with, spacing_mm).features

    old_features = [features(f"unseen_fold{fold}", folds / str(fold) / "model.pt") for fold in ended_folds(folds)]
    new_features = features("unseen", None)
    return for_weights_trained_on_more(table, table.weights, new_features, np.concatenate(old_features))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset_dir", type=Path)
    parser.add_argument("work_dir", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--folds", type=Path, help="work folder of a recipe's cross-validation")
    parser.add_argument("--unseen", nargs=2, metavar=("FILMS", "SPACING_MM"), help="with --folds")
    arguments = parser.parse_args()
    if (arguments.folds is None) != (arguments.unseen is None):
        parser.error("--folds and --unseen go together")
    config = bundle_config(arguments.bundle)
    bundle = config.parents[1]
    known = held_out(arguments.dataset_dir, arguments.work_dir, bundle, arguments.folds)
    symbols = load_torch_predictor(bundle, SPACING_MM, "cpu").scheme.symbols
    measured = {
        "films": int(known.plain.sum()),
        "copies": int((~known.plain).sum()),
        "held_out": "cross-validation" if arguments.folds else "validation films",
    }
    table = fit_uncertainty(known, file_sha256(bundle / "models" / "model.pt"), symbols, measured=measured)
    if arguments.folds is not None:
        films, spacing = Path(arguments.unseen[0]), float(arguments.unseen[1])
        table = moved(table, bundle, arguments.folds, arguments.work_dir, films, spacing)
    table.write(config.with_name("uncertainty.json"))
    print(config.with_name("uncertainty.json"))


if __name__ == "__main__":
    main()
