import platform
import subprocess
import sys
from unittest import mock

import pytest

from monai_ceph.memory import keep_freed_memory

FAULTS = """
import resource, torch
from monai_ceph.memory import keep_freed_memory
if {keep}:
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use():
    for _ in range(10):
        torch.ones(100 << 20, dtype=torch.uint8)
use()
before = faults()
use()
print(faults() - before)
"""


def page_faults(keep: bool) -> int:
    call = [sys.executable, "-c", FAULTS.format(keep=keep)]
    return int(subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_system_is_not_asked_again_for_large_buffers() -> None:
    assert page_faults(keep=True) < 0.1 * page_faults(keep=False)


def test_another_c_library_is_left_as_it_is() -> None:
    with mock.patch("ctypes.CDLL", return_value=object()):
        assert keep_freed_memory() is False
    with mock.patch("os.name", "nt"):
        assert keep_freed_memory() is False
