"""Predictions and evaluations for people: overlay picture, tables for the terminal, report."""

from monai_ceph.writers.overlay import draw_overlay, write_overlay

__all__ = ["draw_overlay", "write_overlay"]
