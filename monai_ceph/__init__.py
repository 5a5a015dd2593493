"""Cephalometric landmark detection built from MONAI parts: two-stage heatmap regression.

Research software, not a medical device.
"""

__version__ = "0.1.0"
