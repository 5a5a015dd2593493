from __future__ import annotations

import numpy as np

from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.plots import evaluation_plots


def _scores(reference: str, compared: str = "predictions") -> ReferenceScores:
    target = np.random.default_rng(0).uniform(0, 100, (4, 2, 2))
    return ReferenceScores(compared, reference, ("S", "N"), ("1", "2", "3", "4"), target + 1, target)


def test_one_reference_has_one_plot_of_each_kind() -> None:
    names = [plot.name for plot in evaluation_plots(Evaluation((_scores("a.csv"),)))]
    assert names == ["detection_curve", "error_box_plot", "error_ellipses", "site_offset"]


def test_several_references_are_numbered_and_share_the_curve_plot() -> None:
    scores = (_scores("x/a.csv"), _scores("x/b.csv"))
    evaluation = Evaluation(scores, (_scores("x/a.csv", "x/b.csv"),))
    curve, *plots = evaluation_plots(evaluation)
    assert [plot.name for plot in plots] == [
        "error_box_plot_1", "error_ellipses_1", "site_offset_1",
        "error_box_plot_2", "error_ellipses_2", "site_offset_2",
    ]  # fmt: skip
    assert all("x/a.csv" in plot.caption for plot in plots[:3])
    labels = [text.get_text().split(":")[0] for text in curve.figure.legends[0].get_texts()]
    assert labels == ["predictions against a", "predictions against b", "b against a"]
