"""Is a term's keyness more than chance between firms: group labels permuted, false discoveries controlled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from chainbert.wording.contingency import Floats

Booleans: TypeAlias = npt.NDArray[np.bool_]
Integers: TypeAlias = npt.NDArray[np.int64]
Labels: TypeAlias = npt.NDArray[np.generic]

# Cells of one batch of draws: labels are firms × draws, uses terms × draws.
BATCH_CELLS = 4_000_000
# Fewer draws beyond the observed value than that, and p is too coarse to survive many terms: more are drawn.
SETTLED = 20
TIE = 1e-9
EXACT_IN_FLOAT32 = 2**24
LARGE_BLOCK = 1000
# Classes of length: as many as leave each this many firms, and no more than that.
FIRMS_A_CLASS = 20
MOST_CLASSES = 10


@dataclass(frozen=True, slots=True)
class Firms:
    """What is exchanged: each firm's texts on its side (target or reference), taken together, in a canonical order."""

    uses: sparse.csr_array
    """(firms, terms) int64."""
    words: Floats
    """(firms, strata) words of its texts in each stratum."""
    target: Booleans
    """(firms,)."""
    block: Integers
    """(firms,) firms with texts in the same strata and of similar length; labels change within a block only."""
    used: Floats
    """(terms, strata) uses by all firms."""


def gather_firms(uses: sparse.csr_array, target: Booleans, firm: Labels, strata: Labels) -> Firms:
    """Rows of texts (n, terms) as firms, in an order that depends on their content alone.

    ``target``, ``firm`` and ``strata`` (n,). A firm with texts on both sides is one firm on each. Firms without a
    word are left out: they say nothing about any term.
    """
    stratum = np.unique(strata.astype(str), return_inverse=True)[1]
    side = np.unique(firm.astype(str), return_inverse=True)[1] * 2 + target
    names, of_row = np.unique(side, return_inverse=True)
    of_firm = _indicator(of_row, len(names))
    in_stratum = _indicator(stratum, int(stratum.max(initial=-1)) + 1)
    row_words = np.asarray(uses.sum(axis=1), dtype=np.float64)
    words = (of_firm @ in_stratum.T.multiply(row_words[:, None])).toarray()
    summed = sparse.csr_array(of_firm.astype(np.int64) @ uses.astype(np.int64))
    summed.sort_indices()
    order = _by_content(summed, words, names % 2 == 1)
    summed, words, is_target = summed[order], words[order], (names % 2 == 1)[order]
    block = _blocks(words)
    used = (in_stratum @ uses.astype(np.float64)).toarray().T
    return Firms(summed, words, is_target, block, used)


def permutation_p(firms: Firms, draws: int, rng: np.random.Generator, most_draws: int) -> Floats:
    """(terms,) two-sided p of each term under exchange of the firms' group labels.

    H0: the labels of firms with texts in the same strata and of similar length (tenths of the firms' words, or fewer
    classes of at least 20 firms) are exchangeable. The statistic is the numerator of chi-squared, uses in the target
    less those expected from its words in each stratum at the rate of the whole stratum; all uses and all words of a
    firm move together, so that bursts and long texts make no finding. p = (1 + k) / (1 + draws), where k counts draws
    further from 0, and half of those as far or with as many uses (the mid-p of Lancaster 1961: no random number
    decides). Terms with fewer than 20 such draws get more of them, tenfold at a time up to ``most_draws``. Never 0;
    1 where no exchange changes the statistic.
    """
    terms = firms.uses.shape[1]
    beyond, ties, done = np.zeros(terms), np.zeros(terms), np.zeros(terms)
    moves = np.zeros(terms, dtype=bool)
    running, total = np.arange(terms), 0
    while len(running) and total < most_draws:
        goal = min(most_draws, draws if total == 0 else (total + 1) * 10 - 1)
        more, same = _count_beyond(firms, running, goal - total, rng)
        beyond[running] += more
        ties[running] += same
        moves[running] |= same < goal - total
        total = goal
        done[running] = total
        running = running[(beyond + ties / 2)[running] < SETTLED]
    return np.where(moves, (1 + beyond + ties / 2) / (1 + done), 1.0)


def benjamini_hochberg(p: Floats) -> Floats:
    """Q-values of p-values in [0, 1] (Benjamini & Hochberg 1995); NaN stays NaN and counts for nothing."""
    q = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(1, np.minimum.accumulate(scaled[::-1])[::-1])
    return q


def _count_beyond(firms: Firms, terms: Integers, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(terms,) in how many draws the statistic is further from 0 than the observed one, and as far."""
    small = firms.uses.sum() < EXACT_IN_FLOAT32
    kind: type[np.floating] = np.float32 if small else np.float64
    uses = sparse.csr_array(firms.uses[:, terms].T.astype(kind))
    totals = firms.words.sum(axis=0)
    rates = np.divide(firms.used[terms], totals, out=np.zeros_like(firms.used[terms]), where=totals > 0)
    words = firms.words.astype(kind)
    count, expected = _sums(uses, rates, words, firms.target[:, None].astype(kind))
    observed = np.abs(count - expected)
    width = TIE * np.maximum(1, observed)
    beyond, ties = np.zeros(len(terms)), np.zeros(len(terms))
    size = max(1, BATCH_CELLS // max(len(firms.target), len(terms)))
    for start in range(0, draws, size):
        labels = _permuted(firms, min(size, draws - start), rng, kind)
        drawn, its_expected = _sums(uses, rates, words, labels)
        distance = np.abs(drawn - its_expected) - observed
        # As many uses are as many: whose texts happen to be a few words shorter must not decide between two labellings.
        same = (drawn == count) | (np.abs(distance) <= width)
        beyond += ((distance > 0) & ~same).sum(axis=1)
        ties += same.sum(axis=1)
    return beyond, ties


def _sums(
    uses: sparse.csr_array, rates: Floats, words: npt.NDArray[np.floating], labels: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.floating], Floats]:
    """(terms, draws) uses in the target and the expected ones; labels (firms, draws) 1 in the target."""
    return uses @ labels, rates @ (words.T @ labels).astype(np.float64)


def _permuted(firms: Firms, draws: int, rng: np.random.Generator, kind: type[np.floating]) -> npt.NDArray[np.floating]:
    """(firms, draws) labels permuted within blocks, 1 in the target."""
    labels = np.repeat(firms.target[:, None].astype(kind), draws, axis=1)
    for block in range(int(firms.block.max(initial=-1)) + 1):
        members = np.flatnonzero(firms.block == block)
        own = int(firms.target[members].sum())
        if not 0 < own < len(members):
            continue
        if len(members) < LARGE_BLOCK:
            labels[members] = rng.permuted(np.tile(firms.target[members], (draws, 1)), axis=1).T
            continue
        # Choosing the smaller side costs a seventh of shuffling all labels.
        fewer = own <= len(members) / 2
        labels[members] = not fewer
        for draw in range(draws):
            chosen = rng.choice(len(members), min(own, len(members) - own), replace=False, shuffle=False)
            labels[members[chosen], draw] = fewer
    return labels


def _blocks(words: Floats) -> Integers:
    """(firms,) numbers of the classes within which labels are exchanged.

    A city whose texts are longer has more users of every rare term; among firms with as much text it has not.
    """
    profile = np.unique(words > 0, axis=0, return_inverse=True)[1].ravel()
    total = words.sum(axis=1)
    length = np.zeros(len(total), dtype=np.int64)
    for one in range(int(profile.max(initial=-1)) + 1):
        members = profile == one
        classes = int(np.clip(members.sum() // FIRMS_A_CLASS, 1, MOST_CLASSES))
        edges = np.quantile(total[members], np.arange(1, classes) / classes)
        length[members] = np.searchsorted(edges, total[members])
    pairs = np.column_stack([profile, length])
    return np.unique(pairs, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


def _indicator(places: npt.NDArray[np.intp], size: int) -> sparse.csr_array:
    """(size, n) 1 where a column's place is the row."""
    return sparse.csr_array((np.ones(len(places)), (places, np.arange(len(places)))), (size, len(places)))


def _by_content(uses: sparse.csr_array, words: Floats, target: Booleans) -> Integers:
    """Places of the firms that have a word, sorted by what they wrote, and the two sides by their side."""
    starts = uses.indptr
    keys = {
        place: (
            words[place].tobytes(),
            uses.indices[starts[place] : starts[place + 1]].tobytes(),
            uses.data[starts[place] : starts[place + 1]].tobytes(),
            bool(target[place]),
        )
        for place in np.flatnonzero(words.sum(axis=1) > 0).tolist()
    }
    return np.array(sorted(keys, key=lambda place: keys[place]), dtype=np.int64)
