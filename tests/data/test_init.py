"""The package's front door is light and complete."""

from __future__ import annotations

import pytest

import monai_ceph.data


@pytest.mark.parametrize("name", monai_ceph.data.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(monai_ceph.data, name) is not None
    assert name in dir(monai_ceph.data)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"module 'monai_ceph\.data' has no attribute 'nothing'"):
        monai_ceph.data.nothing  # noqa: B018
