"""Measure what the search for scale and direction costs.

    python -m benchmarks.search_time --isbi /path/to/isbi2015 --hamedan /path/to/hamedan

writes ``benchmarks/results/search_time.csv``: processor seconds a film of the default model, from the film's pixels to
judged landmarks, with the pixel size known and unknown, for films that lie in other ways, and for pictures without a
face. Processor seconds depend less than wall time on what else the machine does; divide by the number of cores.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from monai.data import MetaTensor

from benchmarks.films import add_data_sets
from benchmarks.provenance import command_line, origin, write_results
from monai_ceph.data.film import read_film
from monai_ceph.predictor.bundle import default_bundle
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor

COLUMNS = ("what", "number", "cpu_seconds", "slowest", "doubts")


def judged(predictor: TorchPredictor, pixels: np.ndarray, mm: float) -> tuple[float, tuple[str, ...]]:
    """Return the processor seconds that a film (X, Y) takes, and why it is in doubt."""
    film = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))[None]
    meta = {"spacing_mm": np.full(2, mm), "spacing_source": "user", "filename_or_obj": "film"}
    image = MetaTensor(film, affine=torch.eye(4), meta=meta)
    began = time.process_time()
    prediction = predictor.predict({"image": image})
    return time.process_time() - began, prediction.doubts


def without_a_face(count: int) -> list[np.ndarray]:
    """Return pictures of 2.5 megapixels: noise, waves, blobs."""
    random = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(1400) / 60, np.arange(1800) / 60, indexing="ij")
    pictures = []
    for k in range(count):
        waves = sum(np.sin(a * x + b * y + c) for a, b, c in random.normal(0, 0.3 + 0.3 * (k % 3), (4 * (k % 3), 3)))
        pictures.append(waves + random.normal(0, 0.1 + 0.3 * (k % 2), x.shape))
    return pictures


def main() -> None:
    parser = command_line(__doc__, "search_time.csv")
    add_data_sets(parser)
    parser.add_argument("--count", type=int, default=4, help="films of each set")
    arguments = parser.parse_args()
    predictor = load_torch_predictor(default_bundle(), None, "cpu")
    paths = [arguments.isbi / "cepha400" / f"{6 * k + 6:03d}.jpg" for k in range(arguments.count)]
    films = [(read_film(path)[0], 0.1) for path in paths]
    others = sorted((arguments.hamedan / "images").iterdir())[: arguments.count]
    films += [(read_film(path)[0], 0.127) for path in others]
    unknown = float("nan")
    kinds = {
        "pixel size known": films,
        "unknown": [(film, unknown) for film, _ in films],
        "unknown, facing left": [(film[::-1], unknown) for film, _ in films],
        "unknown, on its side": [(film.T[::-1], unknown) for film, _ in films],
        "unknown, inverted": [(255 - film, unknown) for film, _ in films],
        "unknown, no face": [(picture, unknown) for picture in without_a_face(len(films))],
    }
    judged(predictor, *films[0])  # the first one warms up
    rows = []
    for what, pictures in kinds.items():
        results = [judged(predictor, *picture) for picture in pictures]
        seconds = [second for second, _ in results]
        doubts = sum("not a face" in doubt for _, doubt in results)
        rows.append([what, len(seconds), f"{np.mean(seconds):.2f}", f"{max(seconds):.2f}", doubts])
        print(*rows[-1], flush=True)
    made = [
        f"{arguments.count} ISBI 2015 and {arguments.count} Hamedan films, drawn pictures without a face",
        "default model",
        *origin("python -m benchmarks.search_time --isbi ... --hamedan ..."),
    ]
    write_results(arguments.output, made, COLUMNS, rows)


if __name__ == "__main__":
    main()
