"""Predict many films into a folder, continue where an earlier run stopped, and share the work among processes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from monai_ceph.atomic import make_folder
from monai_ceph.batch.result_folder import ResultFolder
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_process import FilmCrashError
from monai_ceph.data.film_workers import FilmWorkers
from monai_ceph.data.named_films import by_file_name
from monai_ceph.film_records import RecordError
from monai_ceph.predictor.bundle import root_cause
from monai_ceph.predictor.films import predict_films, submit
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.predictor.ranks import ranks
from monai_ceph.predictor.threads import single_thread_workers, worker_count
from monai_ceph.wording import count
from monai_ceph.writers.prediction_records import PredictionRecords
from monai_ceph.writers.remarks import film_remarks

POINTS_TO_CHECK = 5
"""How many points a result names, those with the largest expected errors."""

Say = Callable[[str], None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchResult:
    """Hold what became of the films, of all processes together.

    Args:
        failed: how many films failed.
        before: how many films were done before.
        to_check: the points with the largest expected errors, (film, landmark, mm); only in the first process.
        rank: which of the processes this is.
    """

    failed: int
    before: int
    to_check: list[tuple[str, str, float]]
    rank: int


def predict_batch(
    films: Sequence[Path],
    output: ResultFolder,
    load: Callable[[], Predictor],
    settings: Mapping[str, str],
    *,
    overwrite: bool = False,
    say: Say = logger.warning,
) -> BatchResult:
    """Predict films and write their results.

    Films that were already done in this folder with these settings are skipped, so an interrupted run can be continued
    by the same call. Under ``torchrun``, the processes share the films.

    Args:
        films: the files, see :func:`monai_ceph.data.find_films`.
        output: what to write; its folder is made if needed.
        load: makes the predictor; not called if all films were already done.
        settings: see :func:`~monai_ceph.batch.settings.result_settings`.
        overwrite: predict films again that were already done.
        say: called with each remark on a film or a table, one sentence, as soon as it is known.
    Raises:
        ValueError, OSError, ImportError: nothing can be done at all, or a result cannot be written; the message says
            why.
    """
    by_file_name(films, "predict them separately")  # refuses two of one name
    make_folder(output.path)
    with ranks() as process:
        if process.rank > 0:
            process.wait()
        with closing(PredictionRecords(output.path, settings, process.rank, fresh=overwrite)) as records:
            if process.rank == 0:
                process.wait()
            mine, refused = _films_to_predict(process.share(films), output, records, say)
            try:
                failed = _predict(load, mine, output, records, say, progress=process.rank == 0)
            except BaseException:  # also Ctrl-C
                if process.count == 1:
                    _write_tables(records, output, films, say)
                raise
            failed, tried = process.sum(failed + refused, len(mine) + refused)
            to_check = []
            if process.rank == 0:
                _write_tables(records, output, films, say)
                to_check = records.largest_errors(films, POINTS_TO_CHECK)
            process.wait()
            return BatchResult(failed, len(films) - tried, to_check, process.rank)


def _films_to_predict(
    films: Sequence[Path], output: ResultFolder, records: PredictionRecords, say: Say
) -> tuple[list[Path], int]:
    """Return the films to predict and the number of failed ones; repeat the remarks on films that are done."""
    to_predict, refused = [], 0
    for film in films:
        try:
            record = records.find(film, output.formats, chain(*output.files(film).values()))
        except FilmError as error:
            refused += 1
            say(str(error))
            continue
        except RecordError as error:
            record = None
            say(f"{error} {film.name} is predicted again.")
        if record is None:
            to_predict.append(film)
        else:
            _say_of(film, record.remarks, say)
    return to_predict, refused


def _predict(
    load: Callable[[], Predictor],
    films: Sequence[Path],
    output: ResultFolder,
    records: PredictionRecords,
    say: Say,
    progress: bool,
) -> int:
    """Predict films, write each while others are predicted, and return how many failed."""
    if not films:
        return 0
    failed, doubtful, workers = 0, 0, worker_count()
    # The first process starts while the networks are loaded.
    with FilmWorkers(workers) as film_workers, film_workers.used_by_this_process():
        predictor = load()
        with single_thread_workers(workers) as writers, closing(predict_films(predictor, films)) as results:
            written = submit(predictor)(writers, output.write, results, workers)
            for result, writing in _with_progress(written, len(films)) if progress else written:
                error, prediction = result.error or writing.exception(), result.prediction
                if error is None and prediction is not None:
                    remarks = film_remarks(prediction, predictor.low_confidence)
                    records.add(result.film, result.identity, prediction, output.formats, remarks)
                    doubtful += bool(prediction.doubts)
                    _say_of(result.film, remarks, say)
                elif isinstance(error, OSError) and error is not result.error:
                    raise error  # the output folder cannot be written, so all other films would fail as well
                else:  # one bad film, of whatever kind, never stops a batch
                    failed += 1
                    say(replace(result, error=error).message)
                    if isinstance(cause := root_cause(error), FilmCrashError):
                        records.add_crash(result.film, cause)
    if doubtful and len(films) > 1:
        say(f"{count(doubtful, 'film')} of {len(films)} in doubt, named above")
    return failed


def _say_of(film: Path, remarks: Sequence[str], say: Say) -> None:
    for remark in remarks:
        say(f"{film.name}: {remark}")


def _write_tables(records: PredictionRecords, output: ResultFolder, films: Sequence[Path], say: Say) -> None:
    for kind, name, write in (
        ("csv", "landmarks.csv", records.write_table),
        ("measurements", "measurements.csv", records.write_measurements),
    ):
        table = output.path / name
        if kind not in output.formats:
            continue
        if kept := records.keep_changed_table(table):
            say(f"'{table}' was edited or damaged since it was written; it is kept as '{kept.name}' and written anew")
        if not write(table, films) and table.exists():
            say(f"no film was done: '{table}' is of an earlier run.")


def _with_progress(results: Iterable[Any], total: int) -> Iterable[Any]:
    """Show a progress bar if standard error is a terminal and tqdm is installed."""
    if total < 2 or not sys.stderr.isatty():
        return results
    try:
        from tqdm import tqdm
    except ImportError:
        return results
    return tqdm(results, total=total, unit="film")
