"""How well the city of a text can be told: the cross-validated AUC of one city against the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from chainbert.convergence.gap import NO_SPREAD, Block, Floats, Ints

# Penalty, in units of the mean squared distance to the stratum's centre. Fixed, not chosen on the labels; on planted
# cities 0.3 to 3 gave the same AUC within .02, less than 0.1 and more than 30 lost up to .08.
RIDGE = 1.0
# Every firm of a larger cell is not needed; the cost grows with the third power.
MOST_FIRMS = 600
TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Separability:
    """AUC in [0, 1], .5 where the cities cannot be told apart, with its 95 % interval."""

    auc: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Dual:
    """A ridge classifier in its dual form, from which it can be refitted without any firms in closed form."""

    precision: Floats
    """(k, k) precision of the scores, stratum intercepts taken out."""
    pull: Floats
    """(k,) precision · labels."""

    def without(self, firm: int) -> Dual:
        """The classifier that has never seen a firm; its row and column are 0."""
        column = self.precision[firm]
        share = column / column[firm]
        return Dual(self.precision - np.outer(share, column), self.pull - share * self.pull[firm])


def separability(blocks: tuple[Block, ...], vectors: Floats) -> Separability:
    """How often a text of the city scores higher than one of the reference in its stratum, when neither was seen.

    vectors (n, d) are those of the whole set; one row a firm. Each pair (one firm of each city, one stratum) is scored
    by a ridge classifier trained on all other firms of the cell (leave-pair-out, Airola et al. 2011), in closed form,
    so there are no folds and no repeats. Both cities weigh the same in every stratum, and strata have intercepts of
    their own. Without a difference the two firms of a pair could be exchanged, so the AUC is .5 in expectation for
    any sizes; scores pooled over folds or single firms left out fall below .5 (Parker, Günter & Bedo 2007).

    The interval is for the expected AUC of classifiers trained on cells of this size. Its variance is the mean of
    two: the firm jackknife's, which refits without each firm but counts what pairs of firms do twice, and DeLong's
    (1988), which takes the classifier as given. It is meant to cover at least 95 %; on the logit scale, with
    Student's t for the smaller city. Where every pair is ordered rightly the lower end is the exact one for as many
    firms as the smaller city has. Cells of more than 600 firms are measured on 600 of them, strata and cities kept
    in proportion. NaN where no two texts differ.
    """
    groups = _groups(_thinned(blocks))
    rows = np.concatenate([np.concatenate(pair) for pair in groups])
    places = _places(groups)
    fitted = _fit(vectors[rows], places)
    if fitted is None:
        return Separability(float("nan"), float("nan"), float("nan"))
    weights = np.array([block.weight for block in blocks])
    whole = [_won(fitted, home, reference) for home, reference in places]
    value = _auc(whole, weights)
    home = np.concatenate([pair[0] for pair in places])
    reference = np.concatenate([pair[1] for pair in places])
    variance = (_jackknife(fitted, places, weights, (home, reference)) + _delong(whole, weights)) / 2
    return _interval(value, variance, min(len(home), len(reference)))


def _thinned(blocks: tuple[Block, ...]) -> list[Block]:
    """Blocks with at most 600 firms in all. Rows stand in the order of their hashes, so the first are any."""
    share = MOST_FIRMS / max(MOST_FIRMS, sum(len(block.home) for block in blocks))
    thinned = []
    for block in blocks:
        kept = np.zeros(len(block.home), dtype=np.bool_)
        for side in (block.home, ~block.home):
            members = np.flatnonzero(side)
            kept[members[: max(2, round(share * len(members)))]] = True
        thinned.append(Block(block.distances, block.home[kept], block.rows[kept], block.weight))
    return thinned


def _groups(blocks: list[Block]) -> list[tuple[Ints, Ints]]:
    """By stratum: rows of the city and of the reference in the whole set."""
    return [(block.rows[block.home], block.rows[~block.home]) for block in blocks]


def _places(groups: list[tuple[Ints, Ints]]) -> list[tuple[Ints, Ints]]:
    """By stratum: where these rows stand in the cell."""
    ends = np.cumsum([len(side) for pair in groups for side in pair])
    sides = [np.asarray(side, dtype=np.int64) for side in np.split(np.arange(ends[-1]), ends[:-1])]
    return list(zip(sides[::2], sides[1::2], strict=True))


def _fit(rows: Floats, places: list[tuple[Ints, Ints]]) -> Dual | None:
    """Ridge on ±1 with unpenalised stratum intercepts and balanced weights. None where no two rows differ."""
    strata, balance = np.zeros((len(rows), len(places))), np.empty(len(rows))
    labels = np.empty(len(rows))
    for index, (home, reference) in enumerate(places):
        both = 2 * len(home) * len(reference) / (len(home) + len(reference))
        for side, label in ((home, 1.0), (reference, -1.0)):
            strata[side, index], labels[side], balance[side] = 1.0, label, both / len(side)
    # Centring by stratum knows no labels; the intercepts make it exact for every set that is left out.
    centred = rows - strata @ ((strata.T @ rows) / strata.sum(axis=0)[:, None])
    gram = centred @ centred.T
    spread = float(np.trace(gram)) / len(rows)
    if spread <= NO_SPREAD**2:
        return None
    balance *= len(rows) / balance.sum()
    precision = np.linalg.inv(gram + RIDGE * spread * np.diag(1 / balance))
    seen = precision @ strata
    precision = precision - seen @ np.linalg.solve(strata.T @ seen, seen.T)
    precision = (precision + precision.T) / 2
    return Dual(precision, precision @ labels)


def _won(fitted: Dual, home: Ints, reference: Ints) -> Floats:
    """(n, m) 1 where the city's firm scores higher than the reference's by a classifier that saw neither, .5 a tie.

    What two left-out firms miss of their labels is the inverse of their block of the precision times their pull.
    """
    own = fitted.precision.diagonal()
    first, second = own[home][:, None], own[reference][None, :]
    shared = fitted.precision[np.ix_(home, reference)]
    determinant = first * second - shared**2
    missed = (second + shared) * fitted.pull[home][:, None] - (first + shared) * fitted.pull[reference][None, :]
    lead = 2 * determinant - missed
    return np.where(np.abs(lead) <= TIE * determinant, 0.5, (lead > 0).astype(np.float64))


def _auc(won: list[Floats], weights: Floats) -> float:
    return float(np.average([part.mean() for part in won], weights=weights))


def _jackknife(fitted: Dual, places: list[tuple[Ints, Ints]], weights: Floats, sides: tuple[Ints, Ints]) -> float:
    """Two-sample jackknife variance of the AUC (Arvesen 1969), the classifier refitted without each firm."""
    variance = 0.0
    for side in sides:
        without = []
        for firm in side:
            refitted = fitted.without(int(firm))
            won = [_won(refitted, *(part[part != firm] for part in pair)) for pair in places]
            without.append(_auc(won, weights))
        variance += (len(side) - 1) * float(np.var(without))
    return variance


def _delong(won: list[Floats], weights: Floats) -> float:
    """Variance of the AUC with the classifier taken as given, strata independent."""
    shares = weights / weights.sum()
    return float(
        sum(
            share**2 * part.mean(axis=axis).var(ddof=1) / part.shape[1 - axis]
            for share, part in zip(shares, won, strict=True)
            for axis in (0, 1)
        )
    )


def _interval(value: float, variance: float, firms: int) -> Separability:
    if not 0 < value < 1:
        reach = float(0.025 ** (1 / firms))
        return Separability(value, *((reach, 1.0) if value >= 1 else (0.0, 1 - reach)))
    logit = np.log(value / (1 - value))
    width = float(stats.t.ppf(0.975, firms - 1)) * np.sqrt(variance) / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-np.array([logit - width, logit + width]).clip(-500, 500)))
    return Separability(value, float(low), float(high))
