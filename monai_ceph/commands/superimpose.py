"""``monai-ceph superimpose``: superimpose two films of one patient on S-N."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from monai_ceph.atomic import make_folder
from monai_ceph.data.film import read_film
from monai_ceph.film_names import same_film
from monai_ceph.formats.annotations import AnnotationError, read_annotations
from monai_ceph.landmarks import ISBI19, get_scheme
from monai_ceph.plots.film_report import check_report_extra
from monai_ceph.prediction import Prediction, annotated
from monai_ceph.predictor.at_site import SitePredictor
from monai_ceph.predictor.bundle import model_text
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.site.calibration import SiteCalibration
from monai_ceph.writers.superimposition import superimpose


def run(
    a: Path,
    b: Path,
    output: Path,
    *,
    annotations: Sequence[Path] = (),
    spacing_mm: Sequence[float] = (),
    bundle: Path | None = None,
    device: str = "auto",
    scheme: str | None = None,
    site: Path | None = None,
    load: Callable[..., Predictor] = load_torch_predictor,
) -> None:
    """Write how two films of one patient differ: a PDF, an HTML page and a table.

    Args:
        a, b: the earlier and the later film.
        output: folder for ``superimposition.pdf``, ``.html`` and ``.csv``; created if needed.
        annotations: annotations with the points of the films; without any, the points are predicted.
        spacing_mm: size of a film pixel, of both films or of A and of B; takes precedence over the one in the file.
        bundle, device: as for ``predict``; not used with annotations.
        scheme: name or file of the landmark scheme; None is that of the bundle, or ``isbi19`` for annotations.
        site: site file that moves the predicted points.
        load: makes the predictor from bundle, spacing and device.
    Raises:
        ValueError, OSError, ImportError: the films cannot be compared, or a result cannot be written; the message says
            why.
    """
    check_report_extra()
    from monai_ceph.plots.superimposition import write_superimposition

    if len(spacing_mm) > 2:
        raise ValueError(f"Expected --spacing at most twice, for A and for B; got it {len(spacing_mm)} times.")
    spacings = (*spacing_mm, None, None)[:2] if len(spacing_mm) != 1 else (spacing_mm[0], spacing_mm[0])
    make_folder(output)
    if annotations:
        faces = [_annotated(film, spacing, annotations, scheme) for film, spacing in zip((a, b), spacings, strict=True)]
        source = f"annotations in {', '.join(path.name for path in annotations)}"
    else:
        given = {} if scheme is None else {"scheme": scheme}
        calibration = None if site is None else SiteCalibration.read(site)

        def loaded(spacing: float | None) -> Predictor:
            predictor = load(bundle, spacing, device, **given)
            return predictor if calibration is None else SitePredictor(predictor, calibration)

        predictors = {spacing: loaded(spacing) for spacing in dict.fromkeys(spacings)}
        faces = [predictors[spacing](film) for film, spacing in zip((a, b), spacings, strict=True)]
        source = f"predicted by {model_text(bundle)}" + (
            f"; moved by site file {faces[0].site}" if faces[0].site else ""
        )
    pair = replace(superimpose(*faces), source=source)
    write_superimposition(output, read_film(a)[0], read_film(b)[0], pair)
    for remark in pair.remarks:
        print(remark)
    print(f"{a.name} and {b.name} superimposed on S-N, in {output / 'superimposition.pdf'}, .html and .csv")


def _annotated(film: Path, spacing_mm: float | None, sources: Sequence[Path], scheme: str | None) -> Prediction:
    info = read_film(film, spacing_mm)[1]
    landmarks = ISBI19 if scheme is None else get_scheme(scheme)
    for source in sources:
        observed = read_annotations(source, landmarks, info.spacing_mm).points_px
        for name, points_px in observed.items():
            if same_film(name, film):
                unplaced = annotated(film.name, landmarks, points_px)
                return replace(unplaced, spacing_mm=info.spacing_mm, spacing_source=info.spacing_source)
    raise AnnotationError(f"{film}: there are no points of this film in {', '.join(map(str, sources))}.")
