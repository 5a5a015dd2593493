"""Damage films in many ways, read each as ``predict`` does, and count what comes of it.

    python -m tools.fuzz_readers --count 2000 --table benchmarks/results/fuzz_readers.csv

The seeds are drawn here: one phantom in every format and in the variants of it that scanners write. A count of zero is
expected in every column but "read" and "refused"; a decoder that crashes is not: the film is named and the next one
read, so its column says how often that was needed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import itk
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from benchmarks.provenance import origin, write_results
from monai_ceph.data.film_format import FilmError
from monai_ceph.data.film_limits import LARGEST_MEMORY_BYTES
from monai_ceph.data.film_process import FilmCrashError
from monai_ceph.data.film_workers import FilmWorkers
from monai_ceph.phantoms import draw_phantom

OUTCOMES = ("read", "refused", "reader_crashed", "over_time", "over_memory", "unclear_error")
COLUMNS = ("seed", "inputs", *OUTCOMES)
_REMEDY = re.compile(r"\b(copy|save|check|name|replace|make)\b|\?", re.IGNORECASE)
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def seeds(folder: Path) -> dict[str, bytes]:
    """Return films by file name, as whole files."""
    gray = np.ascontiguousarray(draw_phantom(0, size=(96, 120), spacing_mm=2.0).image.T)
    deep = gray.astype(np.uint16) * 16
    picture, colour = Image.fromarray(gray), Image.fromarray(np.stack([gray, gray // 2, gray // 3], axis=-1))

    def pillow(image: Image.Image, kind: str, **options: object) -> bytes:
        out = io.BytesIO()
        image.save(out, kind, **options)
        return out.getvalue()

    def by_itk(name: str, array: np.ndarray, compress: bool = False) -> bytes:
        itk.imwrite(itk.image_from_array(array), str(folder / name), compression=compress)
        return (folder / name).read_bytes()

    jpeg, j2k = pillow(picture, "JPEG"), pillow(picture, "JPEG2000", no_jp2=True)
    found = {
        "gray.png": pillow(picture, "PNG"),
        "deep.png": pillow(Image.fromarray(deep), "PNG"),
        "palette.png": pillow(colour.quantize(64), "PNG"),
        "interlaced.png": pillow(colour, "PNG", interlace=1),
        "gray.jpg": jpeg,
        "colour.jpg": pillow(colour, "JPEG", subsampling=2),
        "progressive.jpg": pillow(colour, "JPEG", progressive=True),
        "gray.bmp": pillow(picture, "BMP"),
        "colour.bmp": pillow(colour, "BMP"),
        "gray.tif": pillow(picture, "TIFF"),
        "deep.tif": pillow(Image.fromarray(deep), "TIFF"),
        "lzw.tif": pillow(picture, "TIFF", compression="tiff_lzw"),
        "deflate.tif": pillow(picture, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": pillow(colour, "TIFF", compression="jpeg"),
        "float.tif": by_itk("float.tif", gray.astype(np.float32)),
        "film.mha": by_itk("film.mha", deep),
        "packed.mha": by_itk("packed.mha", deep, compress=True),
        "film.nii": by_itk("film.nii", deep),
        "film.nii.gz": gzip.compress(by_itk("float.nii", gray.astype(np.float32))),
    }
    for name, syntax, array, frame in (
        ("explicit.dcm", ExplicitVRLittleEndian, deep, None),
        ("implicit.dcm", ImplicitVRLittleEndian, deep, None),
        ("deflated.dcm", DeflatedExplicitVRLittleEndian, deep, None),
        ("rle.dcm", RLELossless, deep, None),
        ("jpeg.dcm", "1.2.840.10008.1.2.4.50", gray, jpeg),
        ("jpeg2000.dcm", "1.2.840.10008.1.2.4.90", gray, j2k),
    ):
        found[name] = _dicom(folder / name, array, syntax, frame)
    return found


def _dicom(path: Path, array: np.ndarray, syntax: str, frame: bytes | None) -> bytes:
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = syntax if syntax != RLELossless else ExplicitVRLittleEndian
    film.SOPClassUID, film.SOPInstanceUID, film.Modality = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3.4", "DX"
    film.Rows, film.Columns = array.shape
    film.SamplesPerPixel, film.PhotometricInterpretation, film.PixelRepresentation = 1, "MONOCHROME1", 0
    film.BitsAllocated = 8 * array.itemsize
    film.BitsStored = 8 if array.itemsize == 1 else 12
    film.HighBit = film.BitsStored - 1
    film.WindowCenter, film.WindowWidth, film.RescaleSlope, film.RescaleIntercept = 2000, 4000, 1, 0
    film.ImagerPixelSpacing = [0.1, 0.1]
    film.add_new("PixelPaddingValue", "US", 0)
    film.PixelData = array.tobytes() if frame is None else encapsulate([frame])
    film["PixelData"].VR = "OB" if array.itemsize == 1 else "OW"
    film["PixelData"].is_undefined_length = frame is not None
    if syntax == RLELossless:
        film.compress(RLELossless)
    film.save_as(path, enforce_file_format=True)
    return path.read_bytes()


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """Return a film damaged in one to three ways."""
    for _ in range(random.integers(1, 4)):
        data = _WAYS[random.integers(len(_WAYS))](data, random)
    return data


def _flip(data: bytes, random: np.random.Generator) -> bytes:
    out = bytearray(data)
    for _ in range(random.integers(1, 9)):
        out[_place(out, random)] ^= 1 << random.integers(8)
    return bytes(out)


def _set_field(data: bytes, random: np.random.Generator) -> bytes:
    out, size = bytearray(data), int(random.choice([1, 2, 4]))
    value = _EXTREMES[random.integers(len(_EXTREMES))] & (256**size - 1)
    at = max(0, min(_place(out, random), len(out) - size))
    out[at : at + size] = value.to_bytes(size, random.choice(["little", "big"]))
    return bytes(out)


def _cut(data: bytes, random: np.random.Generator) -> bytes:
    return data[: random.integers(1, len(data) + 1)]


def _drop(data: bytes, random: np.random.Generator) -> bytes:
    at = _place(data, random)
    return data[:at] + data[at + int(random.integers(1, 64)) :] or b"\0"


def _double(data: bytes, random: np.random.Generator) -> bytes:
    at, length = _place(data, random), int(random.integers(1, 256))
    return data[: at + length] + data[at : at + length] + data[at + length :]


def _insert(data: bytes, random: np.random.Generator) -> bytes:
    at = _place(data, random)
    return data[:at] + random.bytes(int(random.integers(1, 16))) + data[at:]


def _number(data: bytes, random: np.random.Generator) -> bytes:
    """Change a number that is written as text, as MetaImage and DICOM have them."""
    found = list(re.finditer(rb"\d+", data[:2048]))
    if not found:
        return _flip(data, random)
    match = found[random.integers(len(found))]
    value = (b"0", b"-1", b"1e999", b"nan", b"99999999", b"", b"3")[random.integers(7)]
    return data[: match.start()] + value + data[match.end() :]


_WAYS: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    *(_flip, _flip, _set_field, _set_field, _cut, _drop, _double, _insert, _number),
)


def _place(data: bytes | bytearray, random: np.random.Generator) -> int:
    """Return a place in a file, as often in its first part, which holds the header, as in all of it."""
    return int(random.integers(min(len(data), 512) if random.random() < 0.5 else len(data)))


def inputs(films: dict[str, bytes], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield damaged films: the seed's file name and the content. The same for the same arguments."""
    names = sorted(films)
    for k in range(count):
        name = names[k % len(names)]
        yield name, damaged(films[name], np.random.default_rng((seed, k)))


def outcome(workers: FilmWorkers, path: Path) -> str:
    """Read one film and return what came of it, one of :data:`OUTCOMES`."""
    worker = workers._all[0]
    worker.start()
    assert worker.process is not None
    _forget_peak(worker.process.pid)
    try:
        film, _ = workers.read(path)
        result = "read" if np.isfinite(film).all() and film.ndim == 2 else "unclear_error"
    except FilmCrashError as error:
        return "over_time" if "takes longer than" in str(error) else "reader_crashed"
    except FilmError as error:
        clear = str(path) in str(error) and _REMEDY.search(str(error).replace(str(path), "")) and "\n" not in str(error)
        result = "refused" if clear else "unclear_error"
    if _peak_bytes(worker.process.pid) > LARGEST_MEMORY_BYTES:
        return "over_memory"
    return result


def run(count: int, seed: int, seconds: float, keep: Path | None = None) -> dict[str, Counter[str]]:
    """Return how often each outcome came, by seed.

    Args:
        count: damaged films.
        seed: of the damage.
        seconds: after which no further film is begun.
        keep: folder for films with an outcome other than read or refused.
    """
    table: dict[str, Counter[str]] = {}
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder, FilmWorkers() as workers:
        films = seeds(Path(folder))
        for name, data in films.items():
            path = Path(folder) / name
            path.write_bytes(data)
            workers.read(path)  # a seed must be a film
            table[name] = Counter()
        for k, (name, data) in enumerate(inputs(films, count, seed)):
            if time.monotonic() > end:
                break
            path = Path(folder) / name
            path.write_bytes(data)
            found = outcome(workers, path)
            table[name][found] += 1
            if keep is not None and found not in ("read", "refused"):
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{found}_{seed}_{k}_{name}").write_bytes(data)
    return table


def write_table(table: dict[str, Counter[str]], out: TextIO) -> None:
    """Write the table as CSV, a row for each seed and one for all."""
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(table_rows(table))


def table_rows(table: dict[str, Counter[str]]) -> list[list[str | int]]:
    """Return the table's rows, see :data:`COLUMNS`."""
    whole: Counter[str] = sum(table.values(), Counter())
    return [
        [name, sum(counts.values()), *(counts[outcome] for outcome in OUTCOMES)]
        for name, counts in [*sorted(table.items()), ("all", whole)]
    ]


def _forget_peak(pid: int) -> None:
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return


def _peak_bytes(pid: int) -> int:
    try:
        (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except (OSError, ValueError):  # it has ended, or the system is not Linux
        return 0
    return int(line) * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--table", type=Path, help="CSV to write")
    parser.add_argument("--keep", type=Path, help="folder for films that were neither read nor refused")
    arguments = parser.parse_args()
    table = run(arguments.count, arguments.seed, arguments.seconds, arguments.keep)
    write_table(table, sys.stdout)
    if arguments.table:
        command = f"python -m tools.fuzz_readers --count {arguments.count} --seed {arguments.seed}"
        made = origin(command, "itk", "pydicom", "pillow", "numpy")
        write_results(arguments.table, made, COLUMNS, table_rows(table))
    bad = sum(counts[outcome] for counts in table.values() for outcome in OUTCOMES[3:])
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
