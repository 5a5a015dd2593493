"""Plot predictions and their errors. Each function takes arrays and returns a matplotlib figure."""

from monai_ceph.plots.detection_curve import detection_curve
from monai_ceph.plots.error_box_plot import error_box_plot
from monai_ceph.plots.error_ellipses import error_ellipses
from monai_ceph.plots.evaluation import EvaluationPlot, evaluation_plots
from monai_ceph.plots.film_report import write_film_report
from monai_ceph.plots.film_tracing import film_tracing
from monai_ceph.plots.heatmap_panels import FilmHeatmaps, heatmap_panels
from monai_ceph.plots.save import as_svg, save_plot
from monai_ceph.plots.site_calibration import site_calibration_plot
from monai_ceph.plots.site_offset import site_offset_plot
from monai_ceph.plots.superimposition import superimposed_tracings, write_superimposition
from monai_ceph.plots.wigglegram import Deviation, wigglegram

__all__ = [
    "Deviation",
    "EvaluationPlot",
    "FilmHeatmaps",
    "as_svg",
    "detection_curve",
    "error_box_plot",
    "error_ellipses",
    "evaluation_plots",
    "film_tracing",
    "heatmap_panels",
    "save_plot",
    "site_calibration_plot",
    "site_offset_plot",
    "superimposed_tracings",
    "wigglegram",
    "write_film_report",
    "write_superimposition",
]
