"""Limit the size of films, far above any real film but so that one damaged header cannot fill the memory."""

from __future__ import annotations

from pathlib import Path

from monai_ceph.data.film_format import FilmError

LARGEST_FILM_PX = 80_000_000
"""Pixels of a film, columns times rows: 20 x 25 cm at 1000 dots per inch. A cephalogram has 1 to 30 million."""
LARGEST_FILE_BYTES = 1_000_000_000
LARGEST_MEMORY_BYTES = 2_000_000_000
"""Memory of a process that reads one film."""

_PROCESS_BYTES = 600_000_000  # Python and ITK before the first film
_COPIES = 3  # of the film in float32: converted, turned to (X, Y), handed over


def check_dimensions(path: Path, columns: int, rows: int, bytes_per_pixel: float) -> None:
    """Check the size that a film's header states before any pixel is decoded.

    Args:
        path: the film, for the message.
        columns, rows: pixels.
        bytes_per_pixel: of all samples of a pixel, decoded.
    Raises:
        FilmError: no pixels, or more than can be read within the limits.
    """
    pixels = columns * rows
    if columns < 1 or rows < 1:
        raise FilmError(f"{path}: its header says {columns} x {rows} pixels; copy it again from its source.")
    if pixels > LARGEST_FILM_PX:
        raise FilmError(
            f"{path}: its header says {columns} x {rows} pixels; expected at most {LARGEST_FILM_PX / 1e6:g} million. "
            "Is it damaged? Otherwise make the picture smaller."
        )
    needed = pixels * (bytes_per_pixel + 4 * _COPIES) + _PROCESS_BYTES
    if needed > LARGEST_MEMORY_BYTES:
        raise FilmError(
            f"{path}: reading {columns} x {rows} pixels of {bytes_per_pixel:g} bytes takes {needed / 1e9:.1f} GB of "
            f"memory, more than the allowed {LARGEST_MEMORY_BYTES / 1e9:g} GB; save it as 8-bit gray or make it "
            "smaller."
        )


def out_of_memory(path: Path) -> FilmError:
    """Return the error of a film that needs more memory than allowed."""
    return FilmError(
        f"{path}: reading it takes more memory than there is or than is allowed ({LARGEST_MEMORY_BYTES / 1e9:g} GB); "
        "save it as 8-bit gray or make it smaller."
    )


def read_bytes(path: Path) -> bytes:
    """Read a whole film file. Raises FilmError if it is larger than any film or cannot be read."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE_BYTES:
            raise FilmError(
                f"{path}: the file has {size / 1e9:.1f} GB; a film has at most {LARGEST_FILE_BYTES / 1e9:g} GB."
            )
        return path.read_bytes()
    except OSError as error:
        raise FilmError(f"{path}: the film cannot be read ({error.strerror}); check its permissions.") from error
