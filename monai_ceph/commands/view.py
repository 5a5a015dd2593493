"""Open films with the model's points, or with those of a file, on a page in the browser, and save corrected points as
Slicer markups and as one table. Only this machine can open the page.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

from monai_ceph.commands.options import add_predictor

HELP = "look at films and correct their points in a browser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("films", nargs="+", type=Path, metavar="FILM|FOLDER", help="film files, or folders of films")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("corrected"),
        metavar="DIR",
        help="folder for the corrected points (default: corrected); those that are there are shown again",
    )
    parser.add_argument(
        "--annotations",
        type=Path,
        metavar="FILE|FOLDER",
        help="points to show instead of the model's, such as the landmarks.csv of monai-ceph predict",
    )
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    add_predictor(parser, "bundle to predict with (default: the shipped one)")


def run(arguments: argparse.Namespace) -> int:
    """Serve films until Ctrl-C."""
    from monai_ceph.data.film_search import find_films
    from monai_ceph.data.film_workers import FilmWorkers
    from monai_ceph.formats.annotations import natural_scheme, read_annotations
    from monai_ceph.page.film_files import FilmFiles
    from monai_ceph.page.serve import listen, serve_page
    from monai_ceph.predictor.threads import worker_count
    from monai_ceph.predictor.torch_predictor import load_torch_predictor
    from monai_ceph.wording import count

    films, output, spacing_mm = find_films(arguments.films), arguments.output, arguments.spacing
    model = (arguments.bundle, spacing_mm, arguments.device)
    predictor = cache(lambda: load_torch_predictor(*model, trust=arguments.trust_bundle))
    source = arguments.annotations
    scheme = predictor().scheme if source is None else natural_scheme(source)
    with (
        listen("127.0.0.1", arguments.port) as listening,
        FilmWorkers(worker_count()) as workers,
        workers.used_by_this_process(),
    ):
        annotations = None if source is None else read_annotations(source, scheme, spacing_mm=spacing_mm)
        work = FilmFiles(films, output, scheme, predictor, annotations, spacing_mm)
        print(f"{count(len(films), 'film')}; open http://127.0.0.1:{listening.getsockname()[1]}/ in a browser")
        print(f"Points are saved in {output.resolve()}. Ctrl-C stops.", flush=True)
        serve_page(work, listening)
    return 0
