"""Reading and writing points needs little."""

from __future__ import annotations

import subprocess
import sys


def test_reading_points_loads_no_library_for_films_or_networks() -> None:
    code = (
        "import sys\n"
        "from monai_ceph.formats import read_annotations, write_landmarks_csv\n"
        "assert not {'itk', 'pydicom', 'monai', 'torch'} & set(sys.modules), sorted(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
