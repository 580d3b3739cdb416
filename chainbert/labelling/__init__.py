"""Labels with evidence.

In: a CompanySet, a Codebook, an Encoder (and the store that remembers its vectors).
Out: ``Labels`` with one row a company and year, and naive shares by city and period.
"""

from chainbert.labelling.agreement import (
    Agreement,
    agreement_of,
    cohen_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
)
from chainbert.labelling.audit import AuditSample, Shares, codes_needed, draw_sample, estimate_shares, write_sheet
from chainbert.labelling.codebook import Axis, Codebook, Cues, Indicator
from chainbert.labelling.config import LabellingConfig
from chainbert.labelling.gold import Gold, read_gold
from chainbert.labelling.labeller import Labeller, available_labellers
from chainbert.labelling.shares import count_shares
from chainbert.labelling.tables import Labels, check_labels_path, write_labels

__all__ = [
    "Agreement",
    "AuditSample",
    "Axis",
    "Codebook",
    "Cues",
    "Gold",
    "Indicator",
    "Labeller",
    "LabellingConfig",
    "Labels",
    "Shares",
    "agreement_of",
    "available_labellers",
    "check_labels_path",
    "codes_needed",
    "cohen_kappa",
    "count_shares",
    "draw_sample",
    "estimate_shares",
    "gwet_ac1",
    "krippendorff_alpha",
    "percent_agreement",
    "read_gold",
    "write_labels",
    "write_sheet",
]
