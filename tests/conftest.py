"""What every test shares: where real films are, if anywhere, and how hard the machine may be used."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from monai.utils import set_determinism

from monai_ceph.phantoms import write_phantoms
from tests.bundles.tiny import SPACING_MM
from tests.tiny_bundle import make_bundle

REPOSITORY = Path(__file__).resolve().parents[1]

# The arrays in tests are small: more threads than this cost more than they gain, and less was asked for on purpose.
torch.set_num_threads(min(2, torch.get_num_threads()))

# No deadline: the first example pays for torch's and MONAI's lazy imports. On CI the examples are the same each time,
# so that a change is judged by what it did; new ones are looked for on every developer's machine.
settings.register_profile(
    "monai_ceph",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize="CI" in os.environ,
)
settings.load_profile("monai_ceph")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's root: tests of the bundle, the documents and the configuration read from it."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_films() -> Path:
    """Folder with ``isbi2015/`` and ``hamedan/``: MONAI_CEPH_DATA, or shared/data beside the checkout; else a skip.

    Real films are research data and never part of the project; mark the tests ``@pytest.mark.real_films``.
    """
    given = os.environ.get("MONAI_CEPH_DATA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real films: there is no folder '{folder}'; set MONAI_CEPH_DATA to one, see docs/data.md")
    return folder


@pytest.fixture(scope="session")
def landmarker_python(repository: Path) -> str:
    """landmarker's interpreter: MONAI_CEPH_LANDMARKER_PYTHON, or what ``make landmarker-env`` made; else a skip."""
    python = os.environ.get("MONAI_CEPH_LANDMARKER_PYTHON") or str(repository / ".venv-landmarker" / "bin" / "python")
    if not Path(python).exists():
        pytest.skip(f"no landmarker: there is no interpreter '{python}'; run: make landmarker-env")
    return python


@pytest.fixture(scope="session")
def shipped_bundle(repository: Path) -> Path:
    return repository / "bundles" / "cephalometric_landmarks"


@pytest.fixture
def training_process() -> Iterator[None]:
    """Train on one thread, then restore what the bundle's train.json sets for the whole process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    set_determinism(None)
    logging.getLogger("monai").setLevel(logging.NOTSET)


@pytest.fixture
def tiny_bundle(shipped_bundle: Path, tmp_path: Path) -> Path:
    return make_bundle(shipped_bundle, tmp_path / "tiny bundle")


@pytest.fixture(scope="session")
def phantom_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films") / "three films"
    write_phantoms(folder, 3, seed=1, size=(323, 400), spacing_mm=SPACING_MM)
    return folder
