"""Draw any number of synthetic films with known landmarks, free of patient data and licences."""

from monai_ceph.phantoms.drawing import Phantom, draw_phantom
from monai_ceph.phantoms.style import STYLES, Style
from monai_ceph.phantoms.writing import write_phantoms, write_png

__all__ = ["STYLES", "Phantom", "Style", "draw_phantom", "write_phantoms", "write_png"]
