"""``monai-ceph label``: start the annotation server."""

from __future__ import annotations

from monai_ceph.label.options import Options
from monai_ceph.label.serve import serve


def run(films: str, *, host: str, port: int, **options: str) -> None:
    """Serve a folder of films, or a DICOMweb store, until the server is stopped.

    Args:
        films: the folder, or the store's address.
        host, port: address to listen on.
        options: see :class:`monai_ceph.label.options.Options`.
    """
    serve(films, Options(**options), host=host, port=port)
