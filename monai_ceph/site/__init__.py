"""Estimate where a clinic marks each landmark from a few films that it annotated.

- :class:`SiteCalibration`: how far predicted points lie from the clinic's; moves predictions there; is kept in a file;
- :func:`estimate_site`: a site calibration from predictions and annotations of the same films.
"""

from monai_ceph.site.calibration import SiteCalibration, SiteError
from monai_ceph.site.estimate import SiteEstimate, estimate_site

__all__ = ["SiteCalibration", "SiteError", "SiteEstimate", "estimate_site"]
