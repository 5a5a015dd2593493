"""What ``monai-ceph predict`` does."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from monai_ceph.commands.system import System, load_system, root_cause
from monai_ceph.data.film import find_films, read_film
from monai_ceph.data.names import OVERLAY_SUFFIX
from monai_ceph.writers import Prediction, write_landmarks_csv, write_markups
from monai_ceph.writers.saver import make_folder, markups_name


def predict(
    films: Sequence[Path],
    output: Path,
    *,
    spacing_mm: float | None = None,
    bundle: Path | None = None,
    device: str = "auto",
    formats: Sequence[str] = ("csv", "markups", "overlay"),
) -> int:
    """Find the landmarks of films and write them.

    Args:
        films: files and folders.
        output: folder for ``landmarks.csv``, ``<film>.mrk.json`` and ``<film>.overlay.png``; made if needed.
        spacing_mm: size of a film pixel; wins over the one in the file.
        bundle: the bundle's folder; None is the shipped one.
        device: ``"auto"``, ``"cpu"``, ``"cuda:0"``.
        formats: which of ``csv``, ``markups``, ``overlay`` to write.
    Returns:
        How many films failed; each is named on standard error.
    Raises:
        ValueError, OSError, ImportError: nothing can be done at all; the message says why.
    """
    found = find_films(films)
    _refuse_same_names(found)
    if "overlay" in formats:
        import monai_ceph.writers.overlay  # noqa: F401  a missing Pillow is told before any work
    make_folder(output)
    system = load_system(bundle, spacing_mm, device)
    done: list[Prediction] = []
    failed = 0
    try:
        for film, item in _progress(_load_ahead(system, found), len(found)):
            try:
                if isinstance(item, Exception):
                    raise item
                prediction = system.predict(item)
                _write_one(output, film, prediction, formats)
                done.append(prediction)
            except Exception as error:  # one bad film, of whatever kind, never stops a batch
                failed += 1
                print(f"monai-ceph predict: {_sentence(film, error)}", file=sys.stderr)
    finally:  # also after Ctrl-C: what is done is kept
        if "csv" in formats and done:
            write_landmarks_csv(output / "landmarks.csv", done)
    print(f"{len(done)} of {len(found)} films done, in {output}")
    return failed


def _refuse_same_names(films: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    for film in films:
        if film.name in seen:
            raise ValueError(
                f"'{film}' and '{seen[film.name]}' have one file name, and results go by it; predict them separately."
            )
        seen[film.name] = film


def _load_ahead(system: System, films: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
    """Each film with its prepared item, or with the exception it raised; the next is read while this one is used."""

    def load(film: Path) -> Any:
        try:
            return system.load(film)
        except Exception as error:
            return error

    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting: list[tuple[Path, Future[Any]]] = []
        for film in films:
            waiting.append((film, pool.submit(load, film)))
            if len(waiting) > 1:
                first, future = waiting.pop(0)
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()


def _progress(items: Iterator[Any], total: int) -> Iterable[Any]:
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    bar: Iterable[Any] = tqdm(items, total=total, unit="film", disable=total < 2 or not sys.stderr.isatty())
    return bar


def _write_one(output: Path, film: Path, prediction: Prediction, formats: Sequence[str]) -> None:
    if "markups" in formats:
        write_markups(output / markups_name(prediction.image), prediction)
    if "overlay" in formats:
        from monai_ceph.writers.overlay import write_overlay

        write_overlay(output / f"{prediction.image}{OVERLAY_SUFFIX}", read_film(film)[0], prediction)


def _sentence(film: Path, error: BaseException) -> str:
    error = root_cause(error)
    text = str(error) or type(error).__name__
    return text if str(film) in text else f"{film}: {text}"
