"""How good labels are.

In: a label table, a Gold, the Codebook. Out: ``Evaluation`` of one labeller (or coder), ``Difference`` of two, each
number with its bootstrap interval.
"""

from chainbert.labelling.evaluation.bootstrap import Estimate
from chainbert.labelling.evaluation.calibration_error import (
    Bin,
    calibration_error,
    calibration_floor,
    reliability_bins,
)
from chainbert.labelling.evaluation.evaluate import compare, evaluate, evaluate_judged, human_ceiling
from chainbert.labelling.evaluation.evidence import EvidenceOverlap, evidence_overlap
from chainbert.labelling.evaluation.judged import Judged, judge_coder, judge_labels
from chainbert.labelling.evaluation.results import Confusion, Difference, Evaluation, Number

__all__ = [
    "Bin",
    "Confusion",
    "Difference",
    "Estimate",
    "Evaluation",
    "EvidenceOverlap",
    "Judged",
    "Number",
    "calibration_error",
    "calibration_floor",
    "compare",
    "evaluate",
    "evaluate_judged",
    "evidence_overlap",
    "human_ceiling",
    "judge_coder",
    "judge_labels",
    "reliability_bins",
]
