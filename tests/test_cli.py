from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from monai_ceph import __version__
from monai_ceph.batch.settings import result_settings
from monai_ceph.cli import COMMANDS, main
from monai_ceph.predictor.bundle import paper_bundle

PREDICT = ["predict", "film.png", "--output", "out"]


class Recorder:
    """Stand in for a function that a subcommand calls: remember the call, and end the subcommand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setattr(name, self)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.arguments, self.options = arguments, options
        raise ValueError("called")


def predict_gives(monkeypatch: pytest.MonkeyPatch, result: int | BaseException) -> None:
    """Let ``predict`` end with a status or an error."""

    def run(arguments: Namespace) -> int:
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr(COMMANDS["predict"], "run", run)


@pytest.fixture
def film(tmp_path: Path) -> str:
    path = tmp_path / "film.png"
    path.touch()
    return str(path)


def test_predict_with_the_least_arguments(monkeypatch: pytest.MonkeyPatch, film: str) -> None:
    batch = Recorder(monkeypatch, "monai_ceph.batch.predict.predict_batch")
    assert main(["predict", film, "--output", "out"]) == 1
    films, output, _, settings = batch.arguments
    assert films == [Path(film)] and settings == result_settings(None, None)
    assert (output.path, output.formats, output.model) == (Path("out"), ("csv", "markups", "overlay"), "")
    assert not batch.options["overwrite"]


def test_predict_with_every_argument(monkeypatch: pytest.MonkeyPatch, film: str) -> None:
    pytest.importorskip("matplotlib")
    batch = Recorder(monkeypatch, "monai_ceph.batch.predict.predict_batch")
    options = ["--spacing", "0.127", "--bundle", str(paper_bundle()), "--scheme", "aariz29"]
    options += ["--format", "overlay, csv,csv,report", "--name-from-dicom", "--overwrite"]
    assert main(["predict", film, str(Path(film).parent), "--output", "out", *options]) == 1
    films, output, _, settings = batch.arguments
    assert films == [Path(film)] and settings == result_settings(paper_bundle(), 0.127, "torch", "aariz29")
    assert output.formats == ["overlay", "csv", "report with name"]
    assert output.model.startswith("cephalometric_landmarks ")
    assert batch.options["overwrite"]


@pytest.mark.parametrize(
    ("options", "own_process", "name", "scheme"),
    [
        ([], False, "torch_predictor.load_torch_predictor", {"scheme": None, "trust": False}),
        (["--trust-bundle"], True, "lean_imports.load_lean_predictor", {"scheme": None, "trust": True}),
        (["--backend", "onnx"], False, "onnx_predictor.load_onnx_predictor", {}),
    ],
)
def test_backend_and_process_choose_what_predicts(
    monkeypatch: pytest.MonkeyPatch,
    film: str,
    options: list[str],
    own_process: bool,
    name: str,
    scheme: dict[str, Any],
) -> None:
    monkeypatch.setattr("monai_ceph.batch.predict.predict_batch", lambda films, output, load, settings, **_: load())
    load = Recorder(monkeypatch, f"monai_ceph.predictor.{name}")
    arguments = ["predict", film, "--output", "out", "--device", "cuda:0", *options]
    monkeypatch.setattr(sys, "argv", ["monai-ceph", *arguments])
    assert main(None if own_process else arguments) == 1
    assert (load.arguments, load.options) == ((None, None, "cuda:0"), scheme)


SCORING = ["--spacing", "0.1", "--protocol", "each", "--scheme", "s.json", "--exclude", "007"]
SCORING += ["--exclude", "isbi2015-duplicates", "--exclude-landmark", "Go", "--films", "folder"]
SCORED = {
    "spacing_mm": 0.1,
    "films": Path("folder"),
    "protocol": "each",
    "scheme": "s.json",
    "exclude": ["007", "isbi2015-duplicates"],
    "exclude_landmarks": ["Go"],
}


@pytest.mark.parametrize(
    ("command", "function", "arguments", "options"),
    [
        (
            ["evaluate", "p.csv", "a.csv", "b", *SCORING],
            "evaluation.evaluate",
            (Path("p.csv"), [Path("a.csv"), Path("b")]),
            SCORED,
        ),
        (
            ["compare", "a.csv", "b.csv", "r.csv", "folder", *SCORING],
            "evaluation.compare",
            (Path("a.csv"), Path("b.csv"), [Path("r.csv"), Path("folder")]),
            SCORED,
        ),
        (
            ["export", "--output", "m.onnx"],
            "export.bundle.export_bundle",
            (Path("m.onnx"),),
            {"format": "onnx", "bundle": None, "trust": False},
        ),
        (
            ["export", "--output", "m.pt", "--format", "torchscript", "--bundle", "b", "--trust-bundle"],
            "export.bundle.export_bundle",
            (Path("m.pt"),),
            {"format": "torchscript", "bundle": Path("b"), "trust": True},
        ),
        (
            ["calibrate", "films", "a.csv", "--output", "s.json", "--spacing", "0.1", "--bundle", "b"],
            "calibration.calibrate",
            (Path("films"), [Path("a.csv")]),
            {"spacing_mm": 0.1, "bundle": Path("b"), "device": "auto", "trust": False},
        ),
    ],
)
def test_arguments_reach_the_function_that_does_the_work(
    monkeypatch: pytest.MonkeyPatch, command: list[str], function: str, arguments: tuple[Any], options: dict[str, Any]
) -> None:
    recorder = Recorder(monkeypatch, f"monai_ceph.{function}")
    assert main(command) == 1
    assert (recorder.arguments, recorder.options) == (arguments, options)


def test_name_without_a_report_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*PREDICT, "--name-from-dicom"]) == 1
    assert "--name-from-dicom writes a name on reports; add report to --format." in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [ValueError("'a.png' is no image."), OSError("Cannot write 'b'."), ImportError("needs Pillow")]
)
def test_error_of_the_input_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    predict_gives(monkeypatch, error)
    assert main(PREDICT) == 1
    assert capsys.readouterr().err == f"monai-ceph predict: error: {error}\n"


def test_error_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    predict_gives(monkeypatch, ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        main(PREDICT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["predict", "film.png"], "the following arguments are required: --output"),
        (["predict", "--output", "out"], "the following arguments are required: FILM|FOLDER"),
        ([*PREDICT, "--spacing", "0"], "expected a positive number of mm for one film pixel, such as 0.1; got '0'"),
        ([*PREDICT, "--spacing", "-0.1"], "got '-0.1'"),
        ([*PREDICT, "--spacing", "nan"], "got 'nan'"),
        ([*PREDICT, "--spacing", "inf"], "got 'inf'"),
        ([*PREDICT, "--spacing", "0,1"], "got '0,1'"),
        (
            [*PREDICT, "--format", "csv,pdf"],
            "expected some of csv, markups, overlay, measurements, report, dicom-sr separated by commas; got 'csv,pdf'",
        ),
        ([*PREDICT, "--format", ""], "expected some of csv, markups, overlay"),
        ([*PREDICT, "--backend", "tflite"], "invalid choice: 'tflite'"),
        (["export"], "the following arguments are required: --output"),
        (["export", "--output", "m", "--format", "h5"], "invalid choice: 'h5'"),
        (["convert", "in.csv", "--to", "csv"], "the following arguments are required: --output"),
        (["convert", "in.csv", "--to", "xls", "--output", "o"], "invalid choice: 'xls'"),
        (
            ["convert", "i", "--to", "csv", "--output", "o", "--rename", "Ls"],
            "expected two symbols, such as Ls=UL; got 'Ls'",
        ),
        (["evaluate", "p.csv", "--spacing", "0.1"], "the following arguments are required: REFERENCE"),
    ],
)
def test_arguments_that_cannot_be_used_exit_with_two(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["--help"], 0, "look at films and correct their points in a browser"),
        (["--version"], 0, f"monai-ceph {__version__}"),
        (["evaluate", "--help"], 0, "--protocol mean|each|OBSERVER"),
        ([*PREDICT, "--spacing", "0"], 2, "expected a positive number of mm"),
    ],
)
def test_module_runs_and_answers_at_once(repository: Path, arguments: list[str], status: int, text: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "monai_ceph", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, cwd=repository)
    assert run.returncode == status
    assert text in run.stdout + run.stderr
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in run.stderr.splitlines()}
    assert "monai_ceph" in imported
    assert imported.isdisjoint({"torch", "monai", "numpy", "pandas", "PIL", "itk"})


def test_ctrl_c_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    predict_gives(monkeypatch, KeyboardInterrupt())
    assert main(PREDICT) == 130
    assert capsys.readouterr().err == ("monai-ceph predict: stopped; run the same command again to continue\n")
