"""``python -m monai_ceph`` is ``monai-ceph``."""

from __future__ import annotations

import sys

from monai_ceph.cli import main

if __name__ == "__main__":
    sys.exit(main())
