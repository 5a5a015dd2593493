"""What ``monai-ceph predict`` does."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from monai_ceph import __version__
from monai_ceph.commands.ranks import Ranks, ranks
from monai_ceph.commands.system import bundle_config, load_system, root_cause
from monai_ceph.data.film import find_films, read_film
from monai_ceph.data.names import OVERLAY_SUFFIX
from monai_ceph.data.quiet import aloud
from monai_ceph.writers.journal import Journal, film_identity
from monai_ceph.writers.markups import write_markups
from monai_ceph.writers.prediction import Prediction
from monai_ceph.writers.saver import make_folder, markups_name

Given = TypeVar("Given")
Got = TypeVar("Got")


class Predictor(Protocol):
    """What :func:`predict` needs of a :class:`~monai_ceph.commands.system.System`."""

    low_confidence: float

    @property
    def shares_cores(self) -> bool: ...

    def load(self, film: Path) -> Any: ...

    def predict(self, item: Any) -> Prediction: ...


def predict(
    films: Sequence[Path],
    output: Path,
    *,
    spacing_mm: float | None = None,
    bundle: Path | None = None,
    device: str = "auto",
    formats: Sequence[str] = ("csv", "markups", "overlay"),
    overwrite: bool = False,
    backend: str = "torch",
    load: Callable[[Path | None, float | None, str], Predictor] = load_system,
) -> int:
    """Find the landmarks of films and write them.

    Films that were done before, in this folder and with these settings, are left out; so a run that was stopped goes on
    when it is started again. Under ``torchrun``, processes share the films.

    Args:
        films: files and folders.
        output: folder for ``landmarks.csv``, ``<film>.mrk.json`` and ``<film>.overlay.png``; made if needed.
        spacing_mm: size of a film pixel; wins over the one in the file.
        bundle: the bundle's folder, or what else ``load`` takes; None is the shipped one.
        device: ``"auto"``, ``"cpu"``, ``"cuda:0"``.
        formats: which of ``csv``, ``markups``, ``overlay`` to write.
        overwrite: do again what was done before.
        backend: what runs the networks; results of one are not mixed with those of another.
        load: makes the system from bundle, spacing and device; not called if all films were done before.
    Returns:
        How many films failed; each is named on standard error.
    Raises:
        ValueError, OSError, ImportError: nothing can be done at all, or a result cannot be written; the message says
            why.
    """
    found = find_films(films)
    _refuse_same_names(found)
    if "overlay" in formats:
        from monai_ceph.writers.overlay import load_pillow

        load_pillow()  # that it is missing is told before any work
    make_folder(output)
    settings = _settings(bundle, spacing_mm, backend)
    with ranks() as us:
        if us.rank > 0:
            us.wait()
        with closing(Journal(output, settings, us.rank, fresh=overwrite)) as journal:
            if us.rank == 0:
                us.wait()
            mine = [
                film
                for film in us.share(found)
                if not journal.has(film, formats, _results(output, film, formats).values())
            ]
            try:
                failed = _predict(partial(load, bundle, spacing_mm, device), mine, output, formats, journal, us)
            except BaseException:  # also Ctrl-C
                if us.count == 1:
                    _write_table(journal, output, found, formats)
                raise
            if us.rank > 0:
                journal.close()
            failed, tried = us.sum(failed, len(mine))
            if us.rank == 0:
                journal.gather()
                _write_table(journal, output, found, formats)
                before = len(found) - tried
                note = f", {before} of them before (--overwrite does them again)" if before else ""
                print(f"{len(found) - failed} of {len(found)} films done, in {output}{note}")
            us.wait()
    return failed


def _refuse_same_names(films: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    for film in films:
        if film.name in seen:
            raise ValueError(
                f"'{film}' and '{seen[film.name]}' have one file name, and results go by it; predict them separately."
            )
        seen[film.name] = film


def _settings(bundle: Path | None, spacing_mm: float | None, backend: str) -> dict[str, str]:
    """What a film's results depend on beside the film: films of other settings are not mixed with these.

    The device is not among them: a run may go on elsewhere, in that device's precision.
    """
    if bundle is not None and bundle.suffix == ".onnx":  # an exported model is both
        config = weights = bundle
    else:
        config = bundle_config(bundle)
        weights = config.parents[1] / "models" / "model.pt"

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "none"

    return {
        "version": __version__,
        "bundle": digest(config),
        "weights": digest(weights),
        "backend": backend,
        "spacing": "the file's" if spacing_mm is None else f"{spacing_mm:g} mm",
    }


def _predict(
    load: Callable[[], Predictor],
    films: Sequence[Path],
    output: Path,
    formats: Sequence[str],
    journal: Journal,
    us: Ranks,
) -> int:
    """Reads, predicts and writes, a few films ahead and no more; returns how many films failed.

    At the same time where the networks run elsewhere. On the processor each has it to itself for a few films: networks
    took half as long again when their threads had to wait for one that a reader kept from its core.
    """
    if not films:
        return 0
    system = load()
    failed, workers = 0, _workers()
    unsure: dict[str, str] = {}
    bar = _bar(len(films)) if us.rank == 0 else None
    handed: Any = in_turns if system.shares_cores else ahead
    with (
        _many_single_threads(),
        ThreadPoolExecutor(workers, initializer=_single_thread) as readers,
        ThreadPoolExecutor(workers, initializer=_single_thread) as writers,
    ):
        read = handed(readers, partial(_read, system), films, workers)
        written = handed(writers, partial(_write, output, formats), _found(system, read), workers)
        for (film, identity, found), writing in written:
            error = found if isinstance(found, Exception) else writing.exception()
            if error is None:
                journal.add(film, identity, found, formats)
                if np.nanmedian(found.confidence) < system.low_confidence:
                    unsure[film.name] = _spacing(found)
            elif isinstance(error, OSError) and error is not found:
                raise error  # it is the folder that is at fault: the other films would go the same way
            else:  # one bad film, of whatever kind, never stops a batch
                failed += 1
                with aloud():
                    print(f"monai-ceph predict: {_sentence(film, error)}", file=sys.stderr)
            if bar is not None:
                with aloud():
                    bar.update()
    if bar is not None:
        bar.close()
    if unsure:
        print(f"monai-ceph predict: {_doubt(unsure, system.low_confidence)}", file=sys.stderr)
    return failed


def _doubt(spacings: Mapping[str, str], limit: float) -> str:
    """What to say of films, given with their pixel sizes, on which little was found with confidence."""
    from monai_ceph.writers.text import named  # brings torch, which the onnx backend does without

    return (
        f"low confidence on {named(list(spacings))} (median of its landmarks below {limit:g}): is it a lateral "
        f"cephalogram, and is the pixel size right ({'; '.join(dict.fromkeys(spacings.values()))})?"
    )


def _spacing(prediction: Prediction) -> str:
    if prediction.spacing_mm is None:
        return "unknown; --spacing gives it"
    x, y = prediction.spacing_mm
    size = f"{x:g} mm" if x == y else f"{x:g} x {y:g} mm"
    return f"{size}, from {'--spacing' if prediction.spacing_source == 'user' else f'the {prediction.spacing_source}'}"


def ahead(
    pool: ThreadPoolExecutor, function: Callable[[Given], Got], items: Iterable[Given], depth: int
) -> Iterator[tuple[Given, Future[Got]]]:
    """Calls a function in other threads, on ``depth`` items beyond the one that is asked for; keeps their order.

    Args:
        pool: the threads.
        function: what to call.
        items: taken one by one as there is room.
        depth: how many to be ahead.
    Yields:
        Each item and its future.
    """
    waiting: deque[tuple[Given, Future[Got]]] = deque()
    for item in items:
        waiting.append((item, pool.submit(function, item)))
        if len(waiting) > depth:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()


def in_turns(
    pool: ThreadPoolExecutor, function: Callable[[Given], Got], items: Iterable[Given], count: int
) -> Iterator[tuple[Given, Future[Got]]]:
    """Calls a function in other threads, on ``count`` items at once, and waits for all; keeps their order.

    Arguments and what is yielded are those of :func:`ahead`, but no call runs while the caller works on what it got.
    """
    left = iter(items)
    while chunk := list(islice(left, count)):
        futures = [pool.submit(function, item) for item in chunk]
        wait(futures)
        yield from zip(chunk, futures, strict=True)


def _workers() -> int:
    """Threads to read with, and as many to write with: the cores of this process, within reason."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(2, cores // int(os.environ.get("LOCAL_WORLD_SIZE", 1))), 16)


@contextmanager
def _many_single_threads() -> Iterator[None]:
    """Threads that begin with :func:`_single_thread` leave this one's number of torch threads as it is."""
    torch = sys.modules.get("torch")  # which the onnx backend does without
    threads = torch.get_num_threads() if torch else 0  # to be asked is what fixes it for this thread
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(threads)  # for threads to come


def _single_thread() -> None:
    """No team of threads for each reader: the networks' own team is slowed down by a third when others wait beside."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def _read(system: Predictor, film: Path) -> tuple[dict[str, Any], Any]:
    return film_identity(film), system.load(film)


def _found(
    system: Predictor, read: Iterable[tuple[Path, Future[tuple[dict[str, Any], Any]]]]
) -> Iterator[tuple[Path, dict[str, Any], Any]]:
    """Each film with its identity and its prediction, or what was raised on the way to it."""
    for film, reading in read:
        try:
            identity, item = reading.result()
            found: Any = system.predict(item)
        except Exception as error:
            identity, found = {}, error
        yield film, identity, found


def _write(output: Path, formats: Sequence[str], job: tuple[Path, dict[str, Any], Any]) -> None:
    film, _, found = job
    if isinstance(found, Exception):
        return
    for kind, path in _results(output, film, formats).items():
        if kind == "markups":
            write_markups(path, found)
        else:
            from monai_ceph.writers.overlay import write_overlay

            write_overlay(path, read_film(film)[0], found)


def _results(output: Path, film: Path, formats: Sequence[str]) -> dict[str, Path]:
    """The files that a film has to itself, by format."""
    names = {"markups": markups_name(film.name), "overlay": f"{film.name}{OVERLAY_SUFFIX}"}
    return {kind: output / name for kind, name in names.items() if kind in formats}


def _write_table(journal: Journal, output: Path, films: Sequence[Path], formats: Sequence[str]) -> None:
    table = output / "landmarks.csv"
    if "csv" in formats and not journal.write_table(table, films) and table.exists():
        print(f"monai-ceph predict: no film was done: '{table}' is of an earlier run.", file=sys.stderr)


def _bar(total: int) -> Any:
    """tqdm's bar, or None where nobody would see it."""
    if total < 2 or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit="film")


def _sentence(film: Path, error: BaseException) -> str:
    error = root_cause(error)
    text = str(error) or type(error).__name__
    return text if str(film) in text else f"{film}: {text}"
