"""Score predictions against references, and compare two sets of predictions. Nothing is printed or written.

>>> import numpy as np
>>> from monai_ceph import evaluate
>>> from monai_ceph.formats import Annotations
>>> from monai_ceph.landmarks import ISBI19
>>> points_px = np.random.default_rng(0).uniform(0, 2000, (19, 2))
>>> reference = Annotations("anna", ISBI19, {"001": points_px})
>>> predicted = Annotations("model", ISBI19, {"001": points_px + [10.0, 0.0]})
>>> evaluation = evaluate(predicted, [reference], spacing_mm=0.1)
>>> round(evaluation.scores[0].summary["overall"]["mre"], 3)
1.0
>>> evaluation.to_frame().query("landmark == 'all' and figure == 'mre_mm'")["value"].round(3).tolist()
[1.0]
"""

from monai_ceph.evaluation.compare import PairedEvaluation, compare
from monai_ceph.evaluation.evaluate import evaluate
from monai_ceph.evaluation.evaluation import Evaluation

__all__ = ["Evaluation", "PairedEvaluation", "compare", "evaluate"]
