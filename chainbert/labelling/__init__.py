"""Labels with evidence.

In: a CompanySet, a Codebook, an Encoder (and the store that remembers its vectors).
Out: ``Labels`` with one row a company and year, and naive shares by city and period.
"""

from chainbert.labelling.codebook import Axis, Codebook, Cues, Indicator
from chainbert.labelling.config import LabellingConfig
from chainbert.labelling.labeller import Labeller, available_labellers
from chainbert.labelling.shares import count_shares
from chainbert.labelling.tables import Labels, check_labels_path, write_labels

__all__ = [
    "Axis",
    "Codebook",
    "Cues",
    "Indicator",
    "Labeller",
    "LabellingConfig",
    "Labels",
    "available_labellers",
    "check_labels_path",
    "count_shares",
    "write_labels",
]
