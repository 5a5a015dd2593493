"""Films of a DICOMweb store (a PACS), downloaded on first use into a folder that also holds the labels.

A film is a series, and its id is the SeriesInstanceUID. Labels stay in the folder: a PACS cannot store fiducials.
"""

from __future__ import annotations

import functools
import itertools
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import requests
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session, create_session_from_user_pass
from fastapi import HTTPException
from monailabel.config import settings
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from monai_ceph.atomic import atomic_path
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_workers import read_film_apart
from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.label.store import FilmStore

logger = logging.getLogger(__name__)

STOCK_FILTER, DEFAULT_FILTER = {"Modality": "CT"}, {"Modality": "DX"}
CONNECT_S, READ_S = 5, 60
"""Timeouts for connecting to the archive and between two reads, s."""
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


class DicomWebStore(FilmStore):
    """List films from the archive and cache them in a folder.

    If a series has several images, the first by InstanceNumber is the film, and the log says so. User name, password,
    search filter and URL prefixes are MONAI Label's own settings (``MONAI_LABEL_DICOMWEB_*``). Without a filter of the
    user's, every series with modality DX is a film. A list in a filter matches any of its values.

    Args:
        folder: the cache.
        url: the DICOMweb service, such as ``http://127.0.0.1:8042/dicom-web``.
        check: as for :class:`FilmStore`.
    """

    def __init__(self, folder: LabelFolder, url: str, check: Callable[[str, np.ndarray], None] | None = None) -> None:
        super().__init__(folder, check)
        self.url, self._client = url, _client(url)
        chosen = settings.MONAI_LABEL_DICOMWEB_SEARCH_FILTER
        self._filter = DEFAULT_FILTER if chosen == STOCK_FILTER else chosen

    def name(self) -> str:
        return self.url

    def status(self) -> dict[str, Any]:
        """Return the numbers of films and labels; of the fetched films and why, if the archive does not answer."""
        try:
            return super().status()
        except HTTPException as error:
            return {**self._status(list(self.folder.films())), "problem": error.detail}

    def list_images(self) -> list[str]:
        """Return the series in the archive, sorted; raise HTTPException 502 if the archive does not answer."""
        return sorted({series for filters in single_filters(self._filter) for series in self._series(filters)})

    def get_image_uri(self, image_id: str) -> str:
        """Return the path of a film's file, which is downloaded if needed.

        Raises:
            HTTPException: 404 the archive has no such series, 422 it is not a film, 502 the archive does not answer.
        """
        if not is_uid(image_id):
            raise HTTPException(404, f"There is no film {image_id[:80]!r}: a film's id is its SeriesInstanceUID.")
        known = self.folder.films().get(image_id)
        return str(known or self._fetch(image_id))

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        self.get_image_uri(image_id)
        return super().get_image_info(image_id)

    def save(self, image_id: str, *label: Any, **more: Any) -> dict[str, Any]:
        """Save a label as :meth:`FilmStore.save`; first fetch the film to check the label against it."""
        self.get_image_uri(image_id)
        return super().save(image_id, *label, **more)

    def add_image(self, *image: Any, **more: Any) -> str:
        raise HTTPException(405, f"Films come from the DICOMweb store {self.url}; send the film there.")

    def remove_image(self, image_id: str) -> None:
        raise HTTPException(405, f"Films come from the DICOMweb store {self.url}; remove the film there.")

    def _series(self, filters: dict[str, Any]) -> dict[str, str]:
        """Return series UID -> study UID."""
        studies: dict[str, str] = {}
        while True:
            with _archive_errors(self.url):
                page = self._client.search_for_series(
                    search_filters=filters, fields=["StudyInstanceUID"], offset=len(studies) or None
                )
                pairs = {_uid(match, "SeriesInstanceUID"): _uid(match, "StudyInstanceUID") for match in page}
            new = pairs.keys() - studies.keys()
            if not new:  # no more, or an archive that ignores the offset
                break
            studies |= pairs
        for series in [series for series in studies if not (is_uid(series) and is_uid(studies[series]))]:
            logger.warning("Series %r of %s is skipped: its UID or its study's UID is invalid.", series[:80], self.url)
            del studies[series]
        return studies

    def _fetch(self, series: str) -> Path:
        study = self._series({"SeriesInstanceUID": series}).get(series)
        if study is None:
            raise HTTPException(404, f"There is no film '{series}' in the DICOMweb store {self.url}.")
        with _archive_errors(self.url):
            instances = [Dataset.from_json(match) for match in self._client.search_for_instances(study, series)]
            instances.sort(key=lambda image: (int(image.get("InstanceNumber") or 0), str(image.SOPInstanceUID)))
            if not instances:
                raise HTTPException(404, f"Series '{series}' of the DICOMweb store {self.url} has no images.")
            if len(instances) > 1:
                logger.warning("Series '%s' has %d images; the first is used as the film.", series, len(instances))
            film = self._client.retrieve_instance(study, series, str(instances[0].SOPInstanceUID))
            target = self.folder.folder / f"{series}.dcm"
            with atomic_path(target) as temporary:
                film.save_as(temporary, write_like_original=False)
                try:
                    read_film_apart(temporary)
                except FilmError as error:
                    reason = str(error).replace(f"{temporary}: ", "")
                    raise HTTPException(422, f"Series '{series}' is not a film: {reason}") from error
        return target


def single_filters(filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Split a filter with lists of values into filters with single values, since not every archive takes lists."""
    choices = [value if isinstance(value, list) else [value] for value in filters.values()]
    return [dict(zip(filters, values, strict=True)) for values in itertools.product(*choices)]


def is_uid(text: str) -> bool:
    """Return whether a text is a DICOM UID (at most 64 digits and single dots), and so safe as a file name."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def _client(url: str) -> DICOMwebClient:
    user, password = settings.MONAI_LABEL_DICOMWEB_USERNAME, settings.MONAI_LABEL_DICOMWEB_PASSWORD
    session = create_session_from_user_pass(user, password) if user and password else create_session()
    # Without a timeout, an archive that hangs would hang the server.
    session.request = functools.partial(session.request, timeout=(CONNECT_S, READ_S))
    client = DICOMwebClient(
        url,
        session=session,
        qido_url_prefix=settings.MONAI_LABEL_QIDO_PREFIX,
        wado_url_prefix=settings.MONAI_LABEL_WADO_PREFIX,
    )
    client.set_http_retry_params(retry=False)  # retrying takes half a minute; the annotator asks again sooner
    return client


def _uid(match: dict[str, Any], keyword: str) -> str:
    """Return a UID from a search result."""
    return str(Dataset.from_json(match)[keyword].value)


@contextmanager
def _archive_errors(url: str) -> Iterator[None]:
    """Turn every error of the connection to the archive into an HTTPException with a message."""
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code
        login = "set MONAI_LABEL_DICOMWEB_USERNAME and MONAI_LABEL_DICOMWEB_PASSWORD."
        hint = login if status in (401, 403) else "check its address."
        raise HTTPException(502, f"The DICOMweb store {url} answered {status}; {hint}") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise HTTPException(
            502, f"The DICOMweb store {url} cannot be reached; check its address and that it is running."
        ) from error
    except (requests.RequestException, InvalidDicomError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HTTPException(
            502, f"The answer of the DICOMweb store {url} is not valid DICOMweb; check its address."
        ) from error
