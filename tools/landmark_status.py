"""Set the rule of the landmark status again, after new weights: try the bundle on altered copies of validation films.

usage: python tools/landmark_status.py ISBI_FOLDER [--also FILMS ANNOTATIONS SPACING_MM] [--bundle DIR] [--copies 2]

Each validation film is predicted as it is and in altered copies: with local contrast as many digital units write it,
drawn on, tilted, cut, in a larger picture, mirrored, on its side, inverted, coarse and noisy, with and without its
pixel size. A point is wrong if it is more than 5 mm off, less what its landmark is off on average in that set
(annotators differ). The bundle's configs/landmark_status.json gets the rule, and how often it errs (cross-fitted over
five parts of the films).
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from PIL import Image, ImageDraw, ImageFont

from monai_ceph.data import isbi2015_datalist
from monai_ceph.data.datalist import datalist
from monai_ceph.data.film import read_film
from monai_ceph.export.whole_film import any_film_inferer
from monai_ceph.face_shape import fit_either_side
from monai_ceph.film_pose import FilmPose, Orientation
from monai_ceph.inferers.autocast import fastest_dtype
from monai_ceph.inferers.posed_film import coarse_look
from monai_ceph.landmark_status import StatusRule, status_features
from monai_ceph.networks import TwoStageNet
from monai_ceph.predictor.bundle import bundle_config
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor

WRONG_MM = 5.0
SIGNS = np.array([-1, -1, 1, 1, -1])
"""Whether more of a feature speaks for a wrong point (1) or a right one (-1); see FEATURES."""
PLAIN_ALARMS, ALARMS = 0.012, 0.05
"""What share of the right points may be flagged: on films as they are, and on all copies."""


class Copy(NamedTuple):
    """An altered film: (X, Y) gray values, (N, 2) points in its pixels, its pixel size, and whether that is known."""

    film: str
    kind: str
    pixels: np.ndarray
    points_px: np.ndarray
    spacing_mm: float
    spacing_is_known: bool


def equalised(pixels: np.ndarray, spacing_mm: float, random: np.random.Generator) -> np.ndarray:
    """A film less most of its own blur of 3 to 12 mm: the local contrast that many digital units write."""
    sigma = random.uniform(3, 12) / spacing_mm / 2
    small = torch.from_numpy(pixels)[None, None]
    step = max(1, int(sigma / 4))
    coarse = torch.nn.functional.avg_pool2d(small, step)
    radius = int(3 * sigma / step) + 1
    kernel = torch.exp(-(torch.arange(-radius, radius + 1) ** 2) / (2 * (sigma / step) ** 2))
    kernel = kernel / kernel.sum()
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        side = (radius, radius)
        padding = (0, 0, *side) if shape[2] == -1 else (*side, 0, 0)
        coarse = torch.nn.functional.conv2d(torch.nn.functional.pad(coarse, padding, "replicate"), kernel.view(shape))
    blur = torch.nn.functional.interpolate(coarse, pixels.shape, mode="bilinear")[0, 0].numpy()
    out = pixels - random.uniform(0.5, 0.95) * blur
    low, high = np.percentile(out, [0.5, 99.5])
    return np.clip((out - low) / (high - low), 0, 1) * 255


def tilted(pixels: np.ndarray, points: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """A film turned clockwise about its middle; what is outside is black."""
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    size = np.array(pixels.shape)
    middle = (size - 1) / 2
    grid = np.stack(np.meshgrid(*map(np.arange, pixels.shape), indexing="ij"), -1)
    place = (grid - middle) @ turn + middle
    unit = torch.from_numpy(((place + 0.5) / size * 2 - 1)[..., ::-1].astype(np.float32))
    out = torch.nn.functional.grid_sample(torch.from_numpy(pixels)[None, None], unit[None], align_corners=False)
    return out[0, 0].numpy(), (points - middle) @ turn.T + middle


def framed(pixels: np.ndarray, points: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A film inside a larger picture of one gray."""
    size = np.array(pixels.shape)
    margin = (
        (size * random.uniform(0, [[0.8], [0.4]], (2, 2)).T).astype(int)
        if random.random() < 0.5
        else (size * random.uniform(0, 0.4, (2, 2))).astype(int)
    )
    out = np.full(size + margin.sum(0), random.choice([0.0, 20.0, 128.0, 235.0, 255.0]), dtype=np.float32)
    first = margin[0]
    out[first[0] : first[0] + size[0], first[1] : first[1] + size[1]] = pixels
    return out, points + first


def copies(
    name: str, pixels: np.ndarray, points: np.ndarray, spacing_mm: float, seed: int, count: int
) -> Iterator[Copy]:
    """A film as it is, equalised, and ``count`` other copies: (X, Y) gray values, (N, 2) points in its pixels."""
    random = np.random.default_rng(seed)
    # As coarse as films from elsewhere: half of the pixels of a scan at 0.1 mm.
    small, at, mm = shrunk(pixels, 0.5), (points + 0.5) / 2 - 0.5, spacing_mm * 2
    last = np.array(small.shape) - 1

    def is_known() -> bool:
        return bool(random.random() < 0.5)

    yield Copy(name, "plain", pixels, points, spacing_mm, True)
    yield Copy(name, "equalised", equalised(small, mm, random), at, mm, is_known())
    yield Copy(name, "drawn on", drawn_on(small, at, random), at, mm, is_known())
    for kind in random.choice(
        ["scale", "tilted", "framed", "cut", "coarse", "mirrored", "lying", "inverted"], count, False
    ):
        if kind == "scale":
            yield Copy(name, kind, small, at, mm, False)
        elif kind == "tilted":
            yield Copy(name, kind, *tilted(small, at, random.uniform(12, 30) * random.choice([-1, 1])), mm, is_known())
        elif kind == "framed":
            yield Copy(name, kind, *framed(small, at, random), mm, is_known())
        elif kind == "cut":
            lost = (np.array(small.shape) * random.uniform(0, 0.3, (2, 2))).astype(int) * (random.random((2, 2)) < 0.4)
            part = small[lost[0, 0] : small.shape[0] - lost[1, 0], lost[0, 1] : small.shape[1] - lost[1, 1]]
            yield Copy(name, kind, part, at - lost[0], mm, is_known())
        elif kind == "coarse":
            coarse = shrunk(small, 0.4)
            noisy = np.clip(coarse + random.normal(0, random.uniform(0, 20), coarse.shape), 0, 255)
            yield Copy(name, kind, noisy, (at + 0.5) * 0.4 - 0.5, mm / 0.4, is_known())
        elif kind == "mirrored":
            yield Copy(name, kind, small[::-1], np.stack([last[0] - at[:, 0], at[:, 1]], 1), mm, is_known())
        elif kind == "lying":
            yield Copy(name, kind, small.T[::-1], np.stack([last[1] - at[:, 1], at[:, 0]], 1), mm, True)
        else:
            yield Copy(name, kind, 255 - small, at, mm, True)


def drawn_on(pixels: np.ndarray, points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A film with rings or dots and numbers at its landmarks and lines between them, as after an analysis by hand."""
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8).T)
    draw = ImageDraw.Draw(picture)
    gray, unit = int(random.choice([0, 255, 160])), pixels.shape[1] / 600
    off = random.normal(0, random.uniform(0, 3), points.shape) * unit
    for k, (x, y) in enumerate(points + off):
        radius = random.uniform(2, 6) * unit
        fill = gray if random.random() < 0.4 else None
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=gray, fill=fill, width=max(1, int(unit)))
        if random.random() < 0.6:
            draw.text((x + 8 * unit, y - 8 * unit), str(k + 1), fill=gray, font=ImageFont.load_default(14 * unit))
    for _ in range(int(random.integers(0, 14))):
        first, second = points[random.integers(len(points), size=2)]
        draw.line([*(first * 1.3 - second * 0.3), *(second * 1.3 - first * 0.3)], fill=gray, width=max(1, int(unit)))
    return np.asarray(picture, dtype=np.float32).T


def shrunk(pixels: np.ndarray, factor: float) -> np.ndarray:
    """A film of fewer pixels."""
    film = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))[None, None]
    return torch.nn.functional.interpolate(film, scale_factor=factor, mode="bilinear", antialias=True)[0, 0].numpy()


def fit(features: np.ndarray, wrong: np.ndarray, ridge: float = 1.0, rounds: int = 30) -> tuple[float, np.ndarray]:
    """A logistic model by Newton's method.

    Args:
        features: (M, F). wrong: (M,) bool.
        ridge: what large weights of standardised features cost.
    Returns:
        The intercept and (F,) weights.
    """
    mean, deviation = features.mean(0), np.maximum(features.std(0), 1e-6)
    used = np.ones(features.shape[1], dtype=bool)
    while True:
        x = np.column_stack([np.ones(len(features)), (features - mean)[:, used] / deviation[used]])
        beta = np.zeros(x.shape[1])
        cost = np.diag([0.0, *[ridge] * int(used.sum())])
        for _ in range(rounds):
            p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
            step = x.T @ (wrong - p) - cost @ beta
            beta = beta + np.linalg.solve((x.T * (p * (1 - p))) @ x + cost, step)
        against = beta[1:] * SIGNS[used] < 0
        if not against.any():
            break
        used[np.flatnonzero(used)[against]] = False  # what contradicts sense is chance: few points are wrong
    weights = np.zeros(features.shape[1])
    weights[used] = beta[1:] / deviation[used]
    return float(beta[0] - weights @ mean), weights


class Tried(NamedTuple):
    """A copy after prediction: (N, F) features or None where no face was seen, (N, 2) errors in mm."""

    film: str
    kind: str
    features: np.ndarray | None
    error_mm: np.ndarray


def validation_films(
    dataset_dir: Path, bundle: Path, also: list[list[str]]
) -> Iterator[tuple[str, str, np.ndarray, float]]:
    """(set, film, points, pixel size) of the films that the bundle holds out, and of other sets."""
    parser = ConfigParser()
    parser.read_config([str(bundle / "configs" / f"{name}.json") for name in ("inference", "evaluate")])
    for item in isbi2015_datalist(str(dataset_dir), films=parser.get_parsed_content("validation_films")):
        yield "isbi2015", str(item["image"]), np.asarray(item["points_px"]), float(parser["film_spacing_mm"])
    for films, *references, spacing in also:
        scheme = parser.get_parsed_content("landmark_scheme")
        for item in datalist(films, references, scheme):
            yield films, str(item["image"]), np.asarray(item["points_px"]), float(spacing)


def infer(predictor: TorchPredictor, pixels: np.ndarray, spacing_mm: float | None) -> np.ndarray:
    """(N, 10) float64 of a film (X, Y)."""
    film = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))[None, None]
    spacing = np.full(2, np.nan if spacing_mm is None else spacing_mm)
    with torch.inference_mode():
        found = predictor.inferer(MetaTensor(film, meta={"spacing_mm": spacing}), predictor.network)
    return np.asarray(found[0].to(torch.float64))


def looks(predictor: TorchPredictor, films: list[tuple[str, float]]) -> tuple[np.ndarray, np.ndarray]:
    """The agreement of points and face on films that are looked at as they are, and in a wrong way: what chance gives.

    Inverted is no wrong way here: networks may know inverted films.
    """
    outer, network = any_film_inferer(predictor.inferer), predictor.network
    assert outer.search is not None and isinstance(network, TwoStageNet)
    wrong_ways = [Orientation(2), Orientation(1), Orientation(3), Orientation(0, mirrored=True)]
    right: list[float] = []
    wrong: list[float] = []
    for k, (film, spacing) in enumerate(films):
        pixels = torch.from_numpy(read_film(film)[0])[None]
        for found, way in ((right, Orientation()), (wrong, wrong_ways[k % 4])):
            with torch.inference_mode(), torch.autocast("cpu", dtype=fastest_dtype(torch.device("cpu"))):
                pose = FilmPose((spacing, spacing), way)
                seen = coarse_look(pixels, pose, outer.search, lambda x: outer.inferer.coarse(x, network))
            found.append(seen.agreement)
    return np.array(right), np.array(wrong)


def try_copies(
    predictor: TorchPredictor, name: str, points: np.ndarray, spacing: float, seed: int, count: int
) -> Iterator[Tried]:
    """Predict a film and its copies."""
    outer, network = any_film_inferer(predictor.inferer), predictor.network
    assert outer.search is not None and isinstance(network, TwoStageNet)
    for copy in copies(Path(name).stem, read_film(name)[0], points, spacing, seed, count):
        found = infer(predictor, copy.pixels, copy.spacing_mm if copy.spacing_is_known else None)
        error = (found[:, :2] - copy.points_px) * copy.spacing_mm
        fit_, _ = fit_either_side(found[:, :2], found[:, 2], outer.search.shape)
        features = None
        if fit_ is not None and found[0, 5] >= outer.search.believable:
            features, _ = status_features(found[:, :2], found[:, 2], found[:, 3:], fit_, outer.search.shape)
        yield Tried(copy.film, copy.kind, features, error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset_dir", type=Path)
    parser.add_argument("--also", nargs="+", action="append", default=[], metavar="FILMS ANNOTATIONS... SPACING_MM")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument(
        "--copies", type=int, default=2, help="copies of each film beside itself, an equalised one and one drawn on"
    )
    args = parser.parse_args()
    config = bundle_config(args.bundle)
    bundle = config.parents[1]
    predictor = load_torch_predictor(bundle, None, "cpu")
    outer, network = any_film_inferer(predictor.inferer), predictor.network
    assert outer.search is not None and isinstance(network, TwoStageNet)
    films = list(validation_films(args.dataset_dir, bundle, args.also))
    right, wrong = looks(predictor, [(film, spacing) for _, film, _, spacing in films])
    usual = round(float(np.percentile(right, 5)), 3)
    believable = round(math.sqrt(usual * max(float(wrong.max()), 0.05)), 3)  # half way, by factors
    print(
        f"agreement of points and face: usual {usual} (median {np.median(right):.3f}), looked at in a wrong way at "
        f"most {wrong.max():.3f}; believable from {believable}",
        flush=True,
    )
    outer.search = replace(outer.search, believable=believable, usual=usual)
    tried: list[tuple[str, Tried]] = []
    for number, (source, film, points, spacing) in enumerate(films):
        for one in try_copies(predictor, film, points, spacing, number, args.copies):
            tried.append((source, one))
        print(f"{number + 1} of {len(films)}: {Path(film).name}", flush=True)
    rule, measured = rule_of(tried, believable)
    weights = hashlib.sha256((bundle / "models" / "model.pt").read_bytes()).hexdigest()[:12]
    rule = replace(rule, usual=usual, measured={"weights": weights, **measured})
    rule.write(config.with_name("landmark_status.json"))
    print(f"{config.with_name('landmark_status.json')}: {rule}")


def rule_of(tried: list[tuple[str, Tried]], believable: float) -> tuple[StatusRule, dict[str, Any]]:
    """The rule from the films tried, and how often it errs."""
    habits = {
        source: np.nanmean([t.error_mm for s, t in tried if s == source and t.kind == "plain"], axis=0)
        for source in {s for s, _ in tried}
    }
    believed = [(source, t) for source, t in tried if t.features is not None]
    features = np.concatenate([t.features for _, t in believed])
    error = np.concatenate([np.hypot(*(t.error_mm - habits[source]).T) for source, t in believed])
    parts = np.concatenate(
        [[int(hashlib.sha256(t.film.encode()).hexdigest(), 16) % 5] * len(t.error_mm) for _, t in believed]
    )
    plain = np.concatenate([[t.kind == "plain"] * len(t.error_mm) for _, t in believed])
    known = np.isfinite(error)
    features, wrong, parts, plain = features[known], error[known] > WRONG_MM, parts[known], plain[known]
    chance = np.zeros(len(wrong))
    for part in range(5):
        intercept, weights = fit(features[parts != part], wrong[parts != part])
        held = parts == part
        chance[held] = StatusRule(intercept, tuple(weights), 0, 0, {}).chance_wrong(features[held])
    # The lowest limit that does not cry wolf.
    limits = np.arange(0.02, 0.9, 0.01)
    alarms = [((chance > x) & ~wrong).sum() / (~wrong).sum() for x in limits]
    plain_alarms = [((chance > x) & ~wrong & plain).sum() / (~wrong & plain).sum() for x in limits]
    limit = next(x for x, a, p in zip(limits, alarms, plain_alarms, strict=True) if a <= ALARMS and p <= PLAIN_ALARMS)
    flagged = chance > limit
    unseen = [t for _, t in tried if t.features is None]
    measured = {
        "films": len({t.film for _, t in tried}),
        "copies": len(tried),
        "no_face_seen": len(unseen),
        "no_face_seen_plain": sum(t.kind == "plain" for t in unseen),
        "points": len(wrong),
        "wrong_percent": percent(wrong.mean()),
        "wrong_and_found_percent": percent((wrong & ~flagged).mean()),
        "right_and_flagged_percent": percent((~wrong & flagged).sum() / (~wrong).sum()),
        "right_and_flagged_plain_percent": percent((~wrong & flagged & plain).sum() / (~wrong & plain).sum()),
    }
    intercept, weights = fit(features, wrong)
    return StatusRule(intercept, tuple(map(float, weights)), round(float(limit), 3), believable, {}), measured


def percent(share: float) -> float:
    return round(100 * float(share), 2)


if __name__ == "__main__":
    main()
