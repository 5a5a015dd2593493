"""Serve the page in the browser on which people look at films and correct points.

The page itself is written in TypeScript (`page/` at the top of the repository) and built into :data:`STATIC`. It talks
to :func:`~monai_ceph.page.app.page_app`, which asks a :class:`~monai_ceph.page.work.Work` for films, predictions and
labels: the annotation server has one (`monai_ceph.label.page`), and ``monai-ceph view`` another.
"""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""The built page."""
