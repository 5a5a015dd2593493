"""``monai-ceph view``: view films and correct their points in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from monai_ceph.data.film_search import search_films
from monai_ceph.data.film_workers import FilmWorkers
from monai_ceph.formats.annotations import natural_scheme, read_annotations
from monai_ceph.page.film_files import FilmFiles
from monai_ceph.page.serve import listen, serve_page
from monai_ceph.predictor.threads import worker_count
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.wording import count


def run(
    films: Sequence[Path],
    *,
    output: Path,
    annotations: Path | None = None,
    spacing_mm: float | None = None,
    bundle: Path | None = None,
    device: str = "auto",
    port: int = 0,
) -> None:
    """Serve films until Ctrl-C.

    Args:
        films: files and folders.
        output: folder for the corrected points.
        annotations: points to show in place of the model's: any format that the package reads.
        spacing_mm: size of a film pixel; takes precedence over the one in the file.
        bundle, device: the model, see :func:`~monai_ceph.predictor.torch_predictor.load_torch_predictor`.
        port: the port to listen on; 0 selects a free one.
    Raises:
        ValueError, OSError, ImportError: the films, the model or the output cannot be used; the message says why.
    """
    paths = search_films(films).films
    predictor = cache(lambda: load_torch_predictor(bundle, spacing_mm, device))
    scheme = predictor().scheme if annotations is None else natural_scheme(annotations)
    with listen("127.0.0.1", port) as listening, FilmWorkers(worker_count()) as workers, workers.used_by_this_process():
        given = None if annotations is None else read_annotations(annotations, scheme, spacing_mm=spacing_mm)
        work = FilmFiles(paths, output, scheme, predictor, given, spacing_mm)
        print(f"{count(len(paths), 'film')}; open http://127.0.0.1:{listening.getsockname()[1]}/ in a browser")
        print(f"Points are saved in {output.resolve()}. Ctrl-C stops.", flush=True)
        serve_page(work, listening)
