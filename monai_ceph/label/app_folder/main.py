"""Entry point that MONAI Label looks for in an app's folder; the app itself is in the package."""

from monai_ceph.label.app import CephalometricApp

__all__ = ["CephalometricApp"]
