from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies.merging import merge_rows, reason_kind
from chainbert.files import content_hash

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "b"]), st.sampled_from([None, 2018]), st.sampled_from(["x", "y"]), st.booleans()
    ),
    max_size=12,
)


@given(ROWS)
@settings(deadline=None)
def test_keys_are_unique_and_one_row_a_company_and_year_is_used(rows):
    identity = [(company, year) for company, year, _, _ in rows]
    status = ["no text" if bad else "" for *_, bad in rows]
    merged = merge_rows(
        identity, [text for _, _, text, _ in rows], rows, status, [f"line {n}" for n in range(len(rows))]
    )
    assert len(set(merged.keys)) == len(merged.keys)
    assert merged.duplicates == len(rows) - len(set(rows)) == len(rows) - len(merged.kept)
    used = [row for row, reason in zip(merged.kept, merged.status, strict=True) if not reason]
    assert sorted(map(str, {identity[row] for row in used})) == sorted(str(identity[row]) for row in used)
    for row, key, reason in zip(merged.kept, merged.keys, merged.status, strict=True):
        company, year = identity[row]
        if not reason:
            assert key == content_hash(company, str(year or ""))


def test_contradiction_names_the_row_that_is_used():
    places = ["line 2", "line 3", "line 4"]
    merged = merge_rows([("a", 2018)] * 3, ["x", "yy", "yy"], [1, 2, 33], ["", "", ""], places)
    assert merged.status == [
        "another text for the same company and year as line 4",
        "same company, year and text as line 4, other columns differ",
        "",
    ]
    assert reason_kind(merged.status[0]) == "another text for the same company and year as another row"


@given(ROWS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_which_row_is_used_does_not_depend_on_their_order(rows, random):
    def used(rows):
        identity = [(company, year) for company, year, _, _ in rows]
        status = ["no text" if bad else "" for *_, bad in rows]
        merged = merge_rows(identity, [text for _, _, text, _ in rows], rows, status, ["line 1"] * len(rows))
        return {
            key: (rows[row], reason) for row, key, reason in zip(merged.kept, merged.keys, merged.status, strict=True)
        }

    shuffled = random.sample(rows, len(rows))
    assert used(shuffled) == used(rows)
