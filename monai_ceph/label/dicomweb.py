"""Films of a DICOMweb store (a PACS): fetched when they are first needed, whole, into a folder that keeps the labels.

A film is a series, and its id the series' UID. Labels stay in the folder: a PACS has no place for fiducials.
"""

from __future__ import annotations

import functools
import itertools
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
"""How long to wait for the archive to answer at all, and for its next bytes."""
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


class DicomWebStore(FilmStore):
    """Which films there are, the archive says; a film that was fetched once is taken from the folder.

    Of a series with several images the first by InstanceNumber is the film, and the log says so. User, password, the
    search for films and the service's prefixes are MONAI Label's own settings (``MONAI_LABEL_DICOMWEB_*``); without a
    filter of the user's, series of the modality DX are films. A list in a filter means any of its values.

    Args:
        folder: the cache.
        url: of the DICOMweb service, such as ``http://127.0.0.1:8042/dicom-web``.
    """

    def __init__(self, folder: LabelFolder, url: str) -> None:
        super().__init__(folder)
        self.url, self._client = url, _client(url)
        chosen = settings.MONAI_LABEL_DICOMWEB_SEARCH_FILTER
        self._filter = DEFAULT_FILTER if chosen == STOCK_FILTER else chosen

    def name(self) -> str:
        return self.url

    def list_images(self) -> list[str]:
        """The series that the archive has now, sorted. Raises HTTPException: 502, the archive did not answer so."""
        return sorted({film for one in searches(self._filter) for film in self._series(one)})

    def get_image_uri(self, image_id: str) -> str:
        """The file of a film.

        Raises:
            HTTPException: 404, the archive has no such series; 422, it is no film; 502, the archive did not answer.
        """
        if not is_uid(image_id):
            raise HTTPException(404, f"There is no film {image_id[:80]!r}: films are series, named by their UID.")
        known = self.folder.films().get(image_id)
        return str(known or self._fetch(image_id))

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        self.get_image_uri(image_id)
        return super().get_image_info(image_id)

    def save_label(self, image_id: str, *label: Any, **more: Any) -> str:
        """As :meth:`FilmStore.save_label`; the film is fetched first, so that the label can be checked against it."""
        self.get_image_uri(image_id)
        return super().save_label(image_id, *label, **more)

    def add_image(self, *image: Any, **more: Any) -> str:
        raise HTTPException(405, f"Films come from the DICOMweb store {self.url}; send the film there.")

    def remove_image(self, image_id: str) -> None:
        raise HTTPException(405, f"Films come from the DICOMweb store {self.url}; remove the film there.")

    def _series(self, filters: dict[str, Any]) -> dict[str, str]:
        """Series UID -> study UID."""
        found: dict[str, str] = {}
        while True:
            with _answer(self.url):
                page = self._client.search_for_series(
                    search_filters=filters, fields=["StudyInstanceUID"], offset=len(found) or None
                )
                pairs = {_uid(one, "SeriesInstanceUID"): _uid(one, "StudyInstanceUID") for one in page}
            new = pairs.keys() - found.keys()
            if not new:  # no more, or an archive that always sends all of them
                break
            found |= pairs
        for series in [series for series in found if not (is_uid(series) and is_uid(found[series]))]:
            logger.warning("Series %r of %s is left out: this is no UID.", series[:80], self.url)
            del found[series]
        return found

    def _fetch(self, series: str) -> Path:
        study = self._series({"SeriesInstanceUID": series}).get(series)
        if study is None:
            raise HTTPException(404, f"There is no film '{series}' in the DICOMweb store {self.url}.")
        with _answer(self.url):
            instances = [Dataset.from_json(one) for one in self._client.search_for_instances(study, series)]
            instances.sort(key=lambda one: (int(one.get("InstanceNumber") or 0), str(one.SOPInstanceUID)))
            if not instances:
                raise HTTPException(404, f"Series '{series}' of the DICOMweb store {self.url} holds nothing.")
            if len(instances) > 1:
                logger.warning("Series '%s' holds %d images; its film is the first.", series, len(instances))
            film = self._client.retrieve_instance(study, series, str(instances[0].SOPInstanceUID))
            target = self.folder.folder / f"{series}.dcm"
            with atomic_path(target) as temporary:
                film.save_as(temporary, write_like_original=False)
                try:
                    read_film_apart(temporary)
                except FilmError as error:
                    reason = str(error).replace(f"{temporary}: ", "")
                    raise HTTPException(422, f"Series '{series}' is no film: {reason}") from error
        return target


def searches(filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A filter whose values may be lists as filters of single values, which is all that every archive understands."""
    choices = [value if isinstance(value, list) else [value] for value in filters.values()]
    return [dict(zip(filters, values, strict=True)) for values in itertools.product(*choices)]


def is_uid(text: str) -> bool:
    """Whether a text is a DICOM UID, and so can be a file name: digits and single dots, at most 64."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def _client(url: str) -> DICOMwebClient:
    user, password = settings.MONAI_LABEL_DICOMWEB_USERNAME, settings.MONAI_LABEL_DICOMWEB_PASSWORD
    session = create_session_from_user_pass(user, password) if user and password else create_session()
    # Without this an archive that hangs would hang the server.
    session.request = functools.partial(session.request, timeout=(CONNECT_S, READ_S))
    client = DICOMwebClient(
        url,
        session=session,
        qido_url_prefix=settings.MONAI_LABEL_QIDO_PREFIX,
        wado_url_prefix=settings.MONAI_LABEL_WADO_PREFIX,
    )
    client.set_http_retry_params(retry=False)  # the annotator asks again, and sooner than half a minute later
    return client


def _uid(found: dict[str, Any], keyword: str) -> str:
    """A UID out of a search's answer."""
    return str(Dataset.from_json(found)[keyword].value)


@contextmanager
def _answer(url: str) -> Iterator[None]:
    """HTTPException with a sentence for whatever goes wrong between here and the archive."""
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code
        hint = " set MONAI_LABEL_DICOMWEB_USERNAME and MONAI_LABEL_DICOMWEB_PASSWORD." if status in (401, 403) else ""
        raise HTTPException(
            502, f"The DICOMweb store {url} answered {status};{hint or ' is its address right?'}"
        ) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise HTTPException(502, f"The DICOMweb store {url} cannot be reached; is it running?") from error
    except (requests.RequestException, InvalidDicomError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HTTPException(502, f"The DICOMweb store {url} answered in no form that DICOMweb knows.") from error
