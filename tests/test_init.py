"""The package's front door: light, and complete."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import monai_ceph


def test_importing_the_package_loads_no_library(repository: Path) -> None:
    code = "import sys, monai_ceph; sys.exit(str({'torch', 'monai', 'numpy', 'pandas', 'itk'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repository)
    assert ran.stderr.strip() == "set()"


@pytest.mark.parametrize("name", monai_ceph.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(monai_ceph, name) is not None
    assert name in dir(monai_ceph)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'monai_ceph' has no attribute 'nothing'"):
        monai_ceph.nothing  # noqa: B018
