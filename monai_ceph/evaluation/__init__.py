"""Score predictions against references, and two sets of predictions against each other; silently."""

from monai_ceph.evaluation.compare import PairedEvaluation, compare
from monai_ceph.evaluation.evaluate import evaluate
from monai_ceph.evaluation.evaluation import Evaluation

__all__ = ["Evaluation", "PairedEvaluation", "compare", "evaluate"]
