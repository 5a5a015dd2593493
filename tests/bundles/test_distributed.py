"""``multi_gpu_train.json`` on two processes (gloo, CPU) against one process with the same global batch.

Nothing random is left in the samples, and the network has instance norm: batch norm sees each process's own share where
it is not synchronised, and PyTorch synchronises it on GPUs only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from monai_ceph.phantoms import write_phantoms
from tests.bundles.tiny import SPACING_MM, TINY_TRAINING

SETTINGS: dict[str, Any] = {
    **{key: value for key, value in TINY_TRAINING.items() if key != "device"},
    "patch_size": 96,
    "epochs": 3,
    "val_interval": 3,
    "checkpoint_interval": 3,
    "validation_films": ["phantom_004", "phantom_005"],
    "stage_net#norm": ["instance", {"affine": True}],
    "stage_transforms#1#shift_px": 0.0,
    "stage_transforms#1#rotate_deg": 0.0,
    "stage_transforms#1#scale": 0.0,
    "stage_transforms#2#prob": 0.0,
    "augmentation": [],
}
STEPS = 6
"""Three epochs of four films, two at a time."""

RUN = """
import json, os, sys
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
from monai.engines.utils import IterationEvents

configs, overrides, report = json.loads(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
workflow = ConfigWorkflow(config_file=configs, logging_file=False, workflow_type="train", **overrides)
workflow.initialize()
trainer = workflow.parser.get_parsed_content("train#trainer")
losses, gradients = [], []

def note_gradients():
    if trainer.state.iteration == 1:
        gradients.extend(p.grad.flatten().tolist() for p in trainer.network.parameters() if p.grad is not None)

def note_loss():
    output = trainer.state.output
    losses.append(float((output[0] if isinstance(output, list) else output)["loss"]))

trainer.add_event_handler(IterationEvents.BACKWARD_COMPLETED, note_gradients)
trainer.add_event_handler(Events.ITERATION_COMPLETED, note_loss)
workflow.run()
workflow.finalize()
with open(report + os.environ.get("RANK", "0"), "w") as file:
    json.dump({"losses": losses, "gradients": sum(gradients, [])}, file)
"""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed") / "six films"
    write_phantoms(folder, 6, seed=1, size=(323, 400), spacing_mm=SPACING_MM)
    return folder


def train(bundle: Path, films: Path, root: Path, processes: int, **overrides: Any) -> list[dict[str, Any]]:
    """What each process noted. The films come in the order of the list, whoever takes them."""
    names = ["train", "train_global", "own_films", *(["multi_gpu_train"] if processes > 1 else [])]
    root.mkdir()
    (root / "run.py").write_text(RUN)
    unshuffled = {"train#sampler#shuffle": False} if processes > 1 else {"train#dataloader#shuffle": False}
    given = {"bundle_root": str(root), "dataset_dir": str(films), **SETTINGS, **unshuffled, **overrides}
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    arguments = [json.dumps([str(bundle / "configs" / f"{name}.json") for name in names]), json.dumps(given)]
    path = os.pathsep.join([str(bundle.parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *(launcher if processes > 1 else []), "run.py", *arguments, str(root / "noted")],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((root / f"noted{rank}").read_text()) for rank in range(processes)]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="nccl does not let two processes share a GPU; gloo is tested")
def test_two_processes_train_as_one_with_the_same_global_batch(bundle: Path, films: Path, tmp_path: Path) -> None:
    [alone] = train(bundle, films, tmp_path / "one", 1, films_per_batch=2)
    first, second = train(bundle, films, tmp_path / "two", 2, films_per_batch=1)
    assert len(alone["losses"]) == len(first["losses"]) == STEPS

    # Each process's gradient is the average over both, and that is the gradient of the whole batch.
    assert first["gradients"] == second["gradients"]
    expected = np.array(alone["gradients"])
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(first["gradients"], expected, atol=1e-5 * np.abs(expected).max())

    # A process's loss is that of its own film; their mean is that of the batch, before any step and after five.
    # float32 sums in another order, and Adam divides by small gradients: 0.1 % is left of it at the end.
    assert first["losses"] != second["losses"]
    mean = np.mean([first["losses"], second["losses"]], axis=0)
    np.testing.assert_allclose(mean[0], alone["losses"][0], rtol=1e-5)
    np.testing.assert_allclose(mean, alone["losses"], rtol=1e-3)
    assert np.ptp(alone["losses"]) > 0.01 * alone["losses"][0], "no step did anything: the comparison says nothing"
