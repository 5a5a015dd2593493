"""The package's front door is light and complete."""

from __future__ import annotations

import subprocess
import sys

import pytest

import monai_ceph.data


def test_reading_points_loads_neither_itk_nor_pydicom() -> None:
    code = (
        "import sys, monai_ceph.data\n"
        "from monai_ceph.data import Annotations, film_name, read_annotations\n"
        "assert not {'itk', 'pydicom', 'monai'} & set(sys.modules), sorted(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", monai_ceph.data.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(monai_ceph.data, name) is not None
    assert name in dir(monai_ceph.data)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"module 'monai_ceph\.data' has no attribute 'nothing'"):
        monai_ceph.data.nothing  # noqa: B018
