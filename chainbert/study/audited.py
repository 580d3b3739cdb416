"""The stage of hand codes: what they say of the labels, and the shares corrected by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainbert.labelling.audit import estimate_shares
from chainbert.labelling.evaluation import evaluate_judged, judge_labels
from chainbert.labelling.gold import read_gold

if TYPE_CHECKING:
    from chainbert.study.work import Work


def audit(work: Work) -> dict[str, Any]:
    """``hand_codes.json``: confusions, calibration and corrected shares by city; {} of a study without hand codes."""
    if work.hand_codes is None:
        work.write_json("hand_codes.json", {})
        return {"codes": 0}
    gold = read_gold(work.hand_codes, work.codebook)
    judged = judge_labels(work.labels, gold, work.codebook, "the labeller")
    found = evaluate_judged(judged, rng=work.rng("hand codes"))
    shares = estimate_shares(work.labels, gold, ("city",), companies=work.company_set, codebook=work.codebook)
    told = shares.to_json()
    for row in told["shares"]:
        row.pop("sentence", None)
    work.write_json("hand_codes.json", {**found.to_json(), **told})
    return {"codes": shares.n, "design": shares.design, "notes": list(shares.notes)}
