"""Draw the plots of docs/evaluation.md and docs/paper.md from drawn films.

Takes what a demo left (make demo), or runs one with more films: minutes on two cores. Run by ``make figures``.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose, NormalizeIntensityd
from PIL import Image

from monai_ceph.commands.demo import demo
from monai_ceph.data import find_films
from monai_ceph.evaluation import evaluate
from monai_ceph.film_names import film_name
from monai_ceph.geometry import film_to_array
from monai_ceph.inferers import GlobalStageInferer, compressed_heatmaps
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.plots import FilmHeatmaps, detection_curve, evaluation_plots, heatmap_panels, save_plot
from monai_ceph.predictor.bundle import paper_bundle
from monai_ceph.training.phantom_settings import INFERENCE, SPACING_MM
from monai_ceph.transforms import PointsToFilmd, ScaleToSpacingd

REPOSITORY = Path(__file__).resolve().parents[1]
UNSEEN = 25
SHOWN = 2
"""Number of films in the plot of heatmaps."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, default=Path("demo_output"), help="a demo's output (default: demo_output)")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "images", help="default: docs/images")
    arguments = parser.parse_args()
    unseen = arguments.demo / "films" / "unseen"
    if not unseen.is_dir() or len(find_films([unseen])) < UNSEEN:
        demo(arguments.demo, unseen=UNSEEN)

    truth = unseen / "points.csv"
    evaluation = evaluate(arguments.demo / "landmarks.csv", [truth], spacing_mm=SPACING_MM)
    score = replace(evaluation.scores[0], compared="both stages", reference="the drawing")
    parts = load(arguments.demo / "training")
    pictures = {one.name: one.figure for one in evaluation_plots(replace(evaluation, scores=(score,)))}
    alone = global_stage(parts, score, find_films([unseen]))
    pictures["detection_curve"] = detection_curve({"both stages": score.errors_mm, "global stage alone": alone})
    shown = [panels(parts, film, score) for film in find_films([unseen])[:SHOWN]]
    pictures["heatmap_panels"] = heatmap_panels(shown)
    for name, figure in pictures.items():
        with tempfile.TemporaryDirectory() as folder:
            svg, png = save_plot(figure, Path(folder) / name)
            if name == "heatmap_panels":  # as an SVG or PNG, the films' noise takes three times the bytes
                Image.open(png).convert("RGB").save(arguments.output / f"{name}.jpg", quality=88, optimize=True)
            else:
                shutil.copy(svg, arguments.output)


def load(training: Path) -> ConfigParser:
    """Return the bundle's inference configuration with the weights and settings of a demo."""
    logging.getLogger("monai.bundle.config_parser").setLevel(logging.ERROR)
    parser = ConfigParser()
    parser.read_config(str(paper_bundle() / "configs" / "inference.json"))
    parser.update({**INFERENCE, "bundle_root": str(training), "device": torch.device("cpu")})
    return parser


def at_local_scale(parts: ConfigParser) -> Compose:
    """Return the transforms that read a film and scale it for the local stage, without the search for a face."""
    reading = parts.get_parsed_content("preprocessing").transforms
    return Compose([*reading, ScaleToSpacingd("image", parts["local_spacing_mm"]), NormalizeIntensityd("image")])


def global_stage(parts: ConfigParser, score: ReferenceScores, films: list[Path]) -> np.ndarray:
    """Return the (F, N) errors of the global stage alone, mm, on the films that were scored."""
    network = parts.get_parsed_content("network")
    inferer = GlobalStageInferer(parts["global_scale"], parts.get_parsed_content("film_inferer").coarse_decoder)
    to_film = PointsToFilmd("pred")
    found = {}
    for path in films:
        film = at_local_scale(parts)({"image": str(path)})
        pred = inferer(film["image"][None], network)[0]
        found[film_name(path)] = to_film({**film, "pred": pred})["pred_px"]
    points_mm = np.stack([np.asarray(found[name]) for name in score.films]) * SPACING_MM
    return replace(score, points_mm=points_mm).errors_mm


def panels(parts: ConfigParser, path: Path, score: ReferenceScores) -> FilmHeatmaps:
    """Return a film with the heatmaps of both stages."""
    image = at_local_scale(parts)({"image": str(path)})["image"]
    heatmaps = compressed_heatmaps(image, parts.get_parsed_content("network"), parts.get_parsed_content("film_inferer"))
    k = score.films.index(film_name(path))
    points = [
        film_to_array(torch.from_numpy(mm[k] / SPACING_MM), image.affine).numpy()
        for mm in (score.points_mm, score.target_mm)
    ]
    return FilmHeatmaps(f"drawn film {k + 1}", image[0].numpy(), *(one.float().numpy() for one in heatmaps), *points)


if __name__ == "__main__":
    main()
