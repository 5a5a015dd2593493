"""The first line of every table of results, and the benchmarks' "shipped" and "paper" settings."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

from benchmarks.ablation_common import PAPER, SHIPPED
from benchmarks.provenance import commit, machine_name, versions, write_results
from monai_ceph.inferers import TwoStageInferer
from monai_ceph.predictor.bundle import paper_bundle


def test_first_line_says_how_the_table_was_made(tmp_path: Path) -> None:
    write_results(tmp_path / "a.csv", ["2 films", "command: x"], ("what", "n"), [["a, b", 1], ["c", ""]])
    assert (tmp_path / "a.csv").read_text() == '# 2 films; command: x\nwhat,n\n"a, b",1\nc,\n'


def test_commit_is_that_of_the_checkout(repository: Path) -> None:
    call = ["git", "rev-parse", "HEAD"]
    head = subprocess.run(call, cwd=repository, capture_output=True, text=True, check=False)
    if head.returncode:
        pytest.skip("no git checkout")
    word, short = commit().removesuffix("+").split()
    assert word == "commit" and len(short) >= 7 and head.stdout.startswith(short)


def test_threads_default_to_those_of_this_process() -> None:
    cpu = torch.device("cpu")
    assert machine_name(cpu, 1).endswith(", 1 thread") and machine_name(cpu, 8).endswith(", 8 threads")
    assert machine_name(cpu) == machine_name(cpu, torch.get_num_threads())


def test_versions_are_those_installed() -> None:
    assert versions("torch").startswith(f"torch {torch.__version__.split('+')[0]}")


@pytest.mark.parametrize(("settings", "files"), [(SHIPPED, ["inference"]), (PAPER, ["inference", "paper"])])
def test_settings_match_the_bundle(settings: dict[str, Any], files: list[str]) -> None:
    parser = ConfigParser()
    parser.read_config([str(paper_bundle() / "configs" / f"{name}.json") for name in files])
    bundled, ours = parser.get_parsed_content("film_inferer"), TwoStageInferer(**settings)
    for name in ("global_scale", "patch_size", "merge", "guide_sigma_px", "coarse_decoder", "decoder"):
        assert getattr(bundled, name) == getattr(ours, name), name
    assert torch.equal(bundled.offsets, ours.offsets)
