"""Write predictions and evaluations for people: overlays, tables for the terminal and HTML reports."""

from monai_ceph.writers.overlay import draw_overlay, write_overlay

__all__ = ["draw_overlay", "write_overlay"]
