import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.convergence import gap, measure_convergence
from chainbert.convergence.cells import cells_of
from chainbert.convergence.cities import city_trend
from chainbert.convergence.decomposition import CLUSTER_PARTS, DECOMPOSITION_COLUMNS, PARTS, decompose
from chainbert.convergence.rows import check_rows
from chainbert.convergence.shift_share import _table, _without
from chainbert.convergence.turnover import SURVIVORS_ONLY
from chainbert.errors import DataError

BY_FIRMS = PARTS[:-1]


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def some_panel(seed, *, firms=60, years=3, strata=2, moving=0.15, dimension=6):
    """Firms of three cities that come, go, move and change their language at random."""
    rng = np.random.default_rng(seed)
    city = rng.integers(0, 3, size=firms)
    base = rng.standard_normal((firms, dimension)) + 0.8 * np.eye(3, dimension)[city]
    parts = []
    for year in range(years):
        city = np.where(rng.random(firms) < (moving if year else 0), rng.integers(0, 3, size=firms), city)
        here = np.flatnonzero(rng.random(firms) < 0.75)
        text = unit(base[here] + 0.4 * rng.standard_normal((len(here), dimension)))
        names = np.array(["Beijing", "Shanghai", "Shenzhen"])[city[here]]
        language = rng.integers(0, strata, size=len(here))
        parts.append((text, names, np.full(len(here), 2018 + year), here.astype(str), language))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def rows_of(vectors, city, year, firm, strata=None):
    return check_rows(vectors, city, year, reference="Beijing", firm=firm, strata=strata)


def table(rows, city="Shenzhen", **options):
    return pd.DataFrame(decompose(rows, rows.cities.index(city), **options), columns=list(DECOMPOSITION_COLUMNS))


def changes(found, first="2018", last="2019"):
    chosen = found[(found["from"] == first) & (found["to"] == last)]
    return dict(zip(chosen["part"], chosen["change"], strict=True))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 2), st.sampled_from([0.0, 0.15]))
def test_parts_sum_to_the_change_of_the_published_gap(seed, strata, moving):
    columns = some_panel(seed, firms=120, strata=strata, moving=moving)
    rows = rows_of(*columns)
    clusters = np.random.default_rng(seed).integers(-1, 4, size=len(rows.city))
    found = table(rows, clusters=clusters, smallest_cell=3)
    gaps = measure_convergence(*columns[:3], reference="Beijing", firm=columns[3], strata=columns[4], draws=99,
                               rng=np.random.default_rng(0), smallest_cell=3).gaps  # fmt: skip
    published = gaps[gaps["city"] == "Shenzhen"].set_index("year")["gap"]
    for ends in (("2018", "2019"), ("2019", "2020"), ("2018", "2020")):
        parts = changes(found, *ends)
        assert parts["total"] == pytest.approx(published[ends[1]] - published[ends[0]], abs=1e-9)
        assert sum(parts[one] for one in BY_FIRMS) == pytest.approx(parts["total"], abs=1e-9)
        assert sum(parts[one] for one in CLUSTER_PARTS) == pytest.approx(parts["total"], abs=1e-9)


def among(columns, year, firms, group):
    vectors, city, years, firm, _ = columns
    here = (years == year) & np.isin(firm, list(firms))
    return gap(vectors[here & (city == "Shenzhen")], vectors[here & (city == "Beijing")]) if group else np.nan


def cities_by_firm(columns, year):
    return {f: c for f, c, y in zip(columns[3], columns[1], columns[2], strict=True) if y == year}


@pytest.mark.parametrize("moving", [0.0, 0.4])
def test_each_part_is_a_difference_of_gaps_among_its_firms(moving):
    columns = some_panel(3, firms=150, strata=1, moving=moving, years=2)
    before, after = (cities_by_firm(columns, year) for year in (2018, 2019))
    stay = {f for f in before if after.get(f) == before[f]}
    moved = {f for f in before if f in after and f not in stay}
    leave, enter = set(before) - set(after), set(after) - set(before)

    def measured(year, firms):
        return among(columns, year, firms, True)

    found = changes(table(rows_of(*columns)))
    assert found["stayers"] == pytest.approx(measured(2019, stay) - measured(2018, stay), abs=1e-12)
    parts = dict.fromkeys(("leavers", "entrants", "moved"), 0.0)
    for year, sign, name, own in ((2018, -1, "leavers", leave), (2019, 1, "entrants", enter)):
        alone, other = measured(year, stay | own), measured(year, stay | moved)
        both, none = measured(year, stay | own | moved), measured(year, stay)
        parts[name] = sign * ((alone - none) + (both - other)) / 2
        parts["moved"] += sign * ((other - none) + (both - alone)) / 2
    assert {name: found[name] for name in parts} == pytest.approx(parts, abs=1e-12)
    assert (found["moved"] == 0) == (moving == 0)


def test_time_turned_round_swaps_entrants_and_leavers():
    columns = some_panel(5, firms=150)
    forth = table(rows_of(*columns)).query("`from` == '2018' and to == '2020'").set_index("part")
    columns[2] = 4038 - columns[2]
    back = table(rows_of(*columns)).query("`from` == '2018' and to == '2020'").set_index("part")
    back = back.rename(index={"entrants": "leavers", "leavers": "entrants"}).loc[forth.index]
    assert forth["n"].tolist() == back["n"].tolist()
    for one, other in (("change", "change"), ("low", "high"), ("high", "low")):
        assert forth[one].to_numpy() == pytest.approx(-back[other].to_numpy(), abs=1e-12)


def test_without_turnover_the_stayers_are_all_there_is():
    vectors, city, year, firm, strata = some_panel(6, firms=90, moving=0.0, strata=1)
    counts = pd.Series(firm).value_counts()
    kept = np.isin(firm, counts.index[counts == 3])
    found = table(rows_of(vectors[kept], city[kept], year[kept], firm[kept], strata[kept]))
    for _, pair in found.groupby(["from", "to"]):
        pair = pair.set_index("part")
        columns = ["change", "low", "high", "n"]
        assert pair.loc["stayers", columns].tolist() == pytest.approx(pair.loc["total", columns].tolist(), abs=1e-12)
        assert (pair.loc[["entrants", "leavers", "moved"], columns] == 0).all(axis=None)
        assert pair.loc["stayers", "note"].startswith("survivors only")


def test_firms_that_keep_their_text_change_nothing():
    vectors, city, year, firm, _ = some_panel(7, firms=90, moving=0.0, strata=1)
    first = dict(zip(firm[::-1], vectors[::-1], strict=True))
    found = table(rows_of(np.array([first[f] for f in firm]), city, year, firm)).set_index("part")
    assert found.loc["stayers", ["change", "low", "high"]].to_numpy() == pytest.approx(0.0, abs=1e-12)
    assert (found.loc["leavers", "low"] < found.loc["leavers", "high"]).all()


def test_order_of_the_rows_does_not_matter():
    columns = some_panel(8)
    order = np.random.default_rng(1).permutation(len(columns[0]))
    turned = rows_of(*(one[order] for one in columns))
    pd.testing.assert_frame_equal(table(rows_of(*columns)), table(turned), check_exact=True)


def test_few_firms_of_a_part_have_a_change_and_no_interval():
    columns = some_panel(9, firms=120, moving=0.0, strata=1, years=2)
    before, after = (cities_by_firm(columns, year) for year in (2018, 2019))
    entrants = sorted(f for f, c in after.items() if f not in before and c != "Shanghai")
    kept = ~np.isin(columns[3], entrants[3:])
    found = table(rows_of(*(one[kept] for one in columns))).set_index("part")
    assert found.loc["entrants", ["n", "status"]].tolist() == [3, ""]
    assert found.loc["entrants", "change"] != 0
    assert np.isnan(found.loc["entrants", ["low", "high"]].astype(float)).all()
    assert np.isfinite(found.loc["leavers", ["low", "high"]].astype(float)).all()


def test_too_few_stayers_leave_the_total_only():
    vectors, city, year, firm, _ = some_panel(10, firms=120, moving=0.0, strata=1, years=2)
    shenzhen = sorted(set(firm[(city == "Shenzhen") & (year == 2018)]) & set(firm[year == 2019]))
    firm = np.where((year == 2019) & np.isin(firm, shenzhen[2:]), np.char.add("new ", firm), firm)
    found = table(rows_of(vectors, city, year, firm)).set_index("part")
    assert set(found.loc[list(BY_FIRMS), "status"]) == {
        "not estimable: 2 firms stay in Shenzhen in shared strata, 5 are needed"
    }
    assert found.loc[list(BY_FIRMS), ["change", "low", "high"]].isna().all(axis=None)
    assert np.isfinite(found.loc["total", ["change", "low", "high"]].astype(float)).all()


def test_cohorts_have_no_stayers_and_are_marked():
    vectors, city, year, _, _ = some_panel(11, firms=120, strata=1)
    rows = check_rows(vectors, city, year, reference="Beijing")
    found = table(rows, time="founded", clusters=np.zeros(len(rows.city), dtype=int))
    assert set(found["note"]) == {SURVIVORS_ONLY}
    by_firms = found[found["part"].isin(BY_FIRMS)]
    assert set(by_firms["status"]) == {
        "not estimable: no firm is in two periods, the whole change is between firms of different cohorts"
    }
    assert by_firms["change"].isna().all()
    rest = found[~found["part"].isin(BY_FIRMS)]
    assert np.isfinite(rest["change"]).all()
    assert set(rest["status"]) == {""}
    observed = table(rows)
    assert set(observed.loc[observed["part"] == "stayers", "status"]) == {
        "not estimable: no firm is in both periods, the whole change is between different firms"
    }


def test_one_period_is_no_change():
    vectors, city, year, firm, _ = some_panel(12, firms=90, strata=1, years=1)
    found = table(rows_of(vectors, city, year, firm), clusters=np.zeros(len(firm)))
    assert found["part"].tolist() == [*PARTS, *CLUSTER_PARTS]
    assert set(found["status"]) == {"not estimable: 1 period with a gap, a change needs two"}
    assert found["change"].isna().all()


def test_stayers_whose_texts_are_all_the_same_are_named():
    vectors, city, year, firm, _ = some_panel(13, firms=120, strata=1, years=2, moving=0.0)
    both = np.isin(firm, sorted(set(firm[year == 2018]) & set(firm[year == 2019])))
    vectors[both] = vectors[0]
    found = table(rows_of(vectors, city, year, firm)).set_index("part")
    assert found.loc["stayers", "status"] == "not estimable: no two texts of the firms that stay differ"
    assert np.isfinite(found.loc["total", "change"])


def test_a_label_for_each_row_is_needed():
    rows = rows_of(*some_panel(14))
    with pytest.raises(DataError, match=f"clusters has 3 values for {len(rows.city)} rows"):
        decompose(rows, 2, clusters=[0, 1, 1])


CENTRES = unit(np.array([[1.0, 0, 0.2, 0], [0, 1, 0.2, 0], [0.3, 0.3, 1, 0]]))
LATER_CENTRES = unit(np.array([[1.0, 0, 0.2, 0.4], [0, 1, 0.6, 0], [0.5, 0.3, 1, 0]]))


def clustered(shares, later=CENTRES):
    """Two periods of firms on the centres of three clusters; shares[city, year] are the firms of each."""
    parts = []
    for (city, year), counts in shares.items():
        cluster = np.repeat(range(3), counts)
        vectors = (CENTRES if year == 2018 else later)[cluster]
        parts.append((vectors, np.full(len(cluster), city), np.full(len(cluster), year)))
    rows = check_rows(*(np.concatenate(column) for column in zip(*parts, strict=True)), reference="Beijing")
    centres = np.where((rows.period == 0)[:, None, None], CENTRES, later)
    return rows, np.einsum("nkd,nd->nk", centres, rows.vectors).argmax(axis=1)


def test_firms_that_change_cluster_and_nothing_else_are_a_shift():
    shares = {
        ("Beijing", 2018): (24, 12, 4), ("Beijing", 2019): (26, 12, 2),
        ("Shenzhen", 2018): (4, 8, 28), ("Shenzhen", 2019): (25, 12, 0),
    }  # fmt: skip
    rows, clusters = clustered(shares)
    found = table(rows, clusters=clusters).set_index("part")
    assert found.loc["change within clusters", "change"] == pytest.approx(0.0, abs=1e-12)
    assert found.loc["shift between clusters", "change"] == pytest.approx(found.loc["total", "change"], abs=1e-12)
    assert found.loc["shift between clusters", "high"] < 0


def test_texts_that_change_at_the_same_cluster_shares_are_no_shift():
    sizes = {"Beijing": (12, 6, 3), "Shenzhen": (4, 6, 14)}
    rows, clusters = clustered({(city, year): sizes[city] for city in sizes for year in (2018, 2019)}, LATER_CENTRES)
    found = table(rows, clusters=clusters).set_index("part")
    assert found.loc["shift between clusters", "change"] == pytest.approx(0.0, abs=1e-12)
    assert abs(found.loc["change within clusters", "change"]) > 0.005


def test_names_of_clusters_do_not_matter():
    rows = rows_of(*some_panel(15, firms=120))
    clusters = np.random.default_rng(0).integers(-1, 4, size=len(rows.city))
    named = np.array(["noise", "a", "b", "c", "d"])[clusters + 1]
    one, other = table(rows, clusters=clusters), table(rows, clusters=named)
    assert one["change"].to_numpy() == pytest.approx(other["change"].to_numpy(), abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_cluster_tables_without_a_firm_equal_counting_anew(seed):
    rows = rows_of(*some_panel(seed, firms=120, years=1))
    codes = np.random.default_rng(seed).integers(0, 4, size=len(rows.city))
    cell = cells_of(rows, 2, 3, rows.vectors)[0]
    strata = np.unique(rows.stratum)
    whole = _table(cell, rows, codes, strata, (len(strata), 4))
    firms = np.unique(rows.firm[np.concatenate([block.rows for block in cell.blocks])])
    left = _without(cell, rows, codes, strata, whole, firms)
    for place in range(0, len(firms), 7):
        blocks = []
        for block in cell.blocks:
            stay = rows.firm[block.rows] != firms[place]
            blocks.append(dataclasses.replace(
                block, distances=block.distances[np.ix_(stay, stay)], home=block.home[stay], rows=block.rows[stay]
            ))  # fmt: skip
        anew = _table(dataclasses.replace(cell, blocks=tuple(blocks)), rows, codes, strata, (len(strata), 4))
        for one, other in ((left.n, anew.n), (left.m, anew.m), (left.sums, anew.sums)):
            assert np.allclose(one[place], other, atol=1e-10, rtol=0)


@dataclasses.dataclass(frozen=True)
class Panel:
    """A panel of two cities on mixtures of themes. A firm lasts as it is; only its wording is drawn anew each year."""

    sizes: tuple[int, int] = (70, 110)
    years: int = 2
    dimension: int = 16
    leave: float = 0.3
    """Mean chance to leave the set from one year to the next."""
    far_leave: float = 0.0
    """How much more those leave Shenzhen that lie far from Beijing; 0: all alike."""
    enter: int = 0
    """New firms a city and year."""
    adopt: float = 0.0
    """Share of Shenzhen's staying firms that take up a Beijing theme by the last year."""
    adopt_new: float = 0.0
    """The same of the firms that enter."""


def draw(panel, rng):
    """Arrays vectors, city, year, firm, theme."""
    width = 1 / np.sqrt(panel.dimension)
    themes = rng.standard_normal((8, panel.dimension)) * width
    own = {"Beijing": np.array([15, 15, 15, 1, 1, 1, 1, 1]), "Shenzhen": np.array([6, 6, 6, 1, 1, 10, 10, 10])}
    own = {city: weights / 50 for city, weights in own.items()}
    live, parts, count = {}, [], 0
    for year in range(panel.years):
        for city, mix in own.items():
            base, theme, firm = live.get(city, (np.empty((0, panel.dimension)), np.empty(0, int), np.empty(0, int)))
            if year:
                stay = rng.random(len(base)) >= _chance_to_leave(panel, city, base, own["Beijing"] @ themes)
                base, theme, firm = base[stay], theme[stay], firm[stay]
                if city == "Shenzhen":
                    adopters = rng.random(len(base)) < panel.adopt / (panel.years - 1)
                    other = rng.choice(8, size=len(base), p=own["Beijing"])
                    base = np.where(adopters[:, None], base + themes[other] - themes[theme], base)
                    theme = np.where(adopters, other, theme)
            size = panel.enter if year else panel.sizes[city == "Shenzhen"]
            like_beijing = city == "Shenzhen" and year > 0 and panel.adopt_new
            share = panel.adopt_new if like_beijing else 0.0
            new = rng.choice(8, size=size, p=(1 - share) * mix + share * own["Beijing"])
            base = np.concatenate([base, themes[new] + 0.6 * rng.standard_normal((size, panel.dimension)) * width])
            theme, firm = np.concatenate([theme, new]), np.concatenate([firm, np.arange(count, count + size)])
            count += size
            live[city] = (base, theme, firm)
            wording = unit(base + 0.4 * rng.standard_normal(base.shape) * width)
            parts.append((wording, np.full(len(base), city), np.full(len(base), 2018 + year), firm, theme))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _chance_to_leave(panel, city, base, beijing):
    distance = np.linalg.norm(base - beijing, axis=1)
    standing = (distance - distance.mean()) / distance.std()
    slope = panel.far_leave if city == "Shenzhen" else 0.0
    return np.minimum(2 * panel.leave / (1 + np.exp(-slope * standing)), 0.95)


def study(seed, **settings_):
    vectors, city, year, firm, _ = draw(Panel(**settings_), np.random.default_rng(seed))
    return rows_of(vectors, city, year, firm.astype(str))


def studies(count, **settings_):
    return pd.concat([table(study(seed, **settings_)).assign(seed=seed) for seed in range(count)])


def rejected(found, part):
    chosen = found[found["part"] == part]
    return float(((chosen["low"] > 0) | (chosen["high"] < 0)).mean())


def test_firms_that_move_while_they_stay_are_found_as_such():
    found = studies(12, adopt=0.9, leave=0.2, enter=15)
    mean = found.groupby("part")["change"].mean()
    assert mean["stayers"] < 4 * min(-abs(mean["entrants"]), -abs(mean["leavers"]))
    assert rejected(found, "stayers") >= 0.8


def test_newcomers_that_are_nearer_are_found_as_such():
    found = studies(12, adopt_new=1.0, leave=0.1, enter=80)
    mean = found.groupby("part")["change"].mean()
    assert mean["entrants"] < 4 * min(-abs(mean["stayers"]), -abs(mean["leavers"]))
    assert rejected(found, "entrants") >= 0.6


@pytest.mark.slow
def test_survivors_seem_to_converge_and_the_leavers_are_named():
    slopes, parts = [], []
    for seed in range(400):
        rows = study(seed, far_leave=5.0, leave=0.4)
        line = city_trend(rows, rows.cities.index("Shenzhen"))
        slopes.append((line.slope.value, line.slope.p))
        parts.append(table(rows))
    found = pd.concat(parts)
    mean = found.groupby("part")["change"].mean()
    slope, p = np.array(slopes).T
    # No firm changes, yet those that are left lie nearer to Beijing: the plain trend sees convergence.
    assert (p[slope < 0] < 0.05).sum() / 400 >= 0.30
    assert mean["leavers"] / mean["total"] >= 0.90
    assert abs(mean["stayers"] / mean["total"]) <= 0.10
    assert 0.03 <= rejected(found, "stayers") <= 0.07


@pytest.mark.slow
def test_intervals_hold_what_they_promise():
    found = studies(300, leave=0.25, enter=25)
    for part in ("stayers", "entrants", "leavers", "total"):
        # Nobody differs in expectation, so every part is 0 on average.
        assert 0.02 <= rejected(found, part) <= 0.085, part
