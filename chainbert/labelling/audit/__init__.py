"""Audit samples and shares one may publish.

In: labels of all companies, and hand codes of a random sample of them.
Out: a coding sheet whose inclusion probabilities are known; shares with intervals that cover.
"""

from chainbert.labelling.audit.estimate import Shares, check_shares_path, estimate_shares, write_shares
from chainbert.labelling.audit.frame import read_labels
from chainbert.labelling.audit.planning import codes_needed
from chainbert.labelling.audit.ppi import Codes, Corrected, Estimate, correct_share
from chainbert.labelling.audit.sampling import AuditSample, Design, draw_sample
from chainbert.labelling.audit.sheet import check_sheet_path, write_sheet

__all__ = [
    "AuditSample",
    "Codes",
    "Corrected",
    "Design",
    "Estimate",
    "Shares",
    "check_shares_path",
    "check_sheet_path",
    "codes_needed",
    "correct_share",
    "draw_sample",
    "estimate_shares",
    "read_labels",
    "write_shares",
    "write_sheet",
]
