"""What a notebook shows of a result."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainbert.clustering import Clustering
from chainbert.companies import demo_companies, read_companies
from chainbert.notebook import ROWS, shown


def test_long_tables_say_how_much_is_left_out():
    html = shown("Gaps", tables=[("By city", pd.DataFrame({"n": range(ROWS + 5)}))])
    assert f"first {ROWS} of {ROWS + 5} rows" in html
    assert f"<td>{ROWS - 1}</td>" in html
    assert f"<td>{ROWS}</td>" not in html


@given(st.text(st.characters(codec=None), max_size=30))
def test_no_text_becomes_markup_or_breaks_the_page(text):
    html = shown(text, {text: text}, [(text, pd.DataFrame({"name": [f"<script>{text}"]}, dtype=object))], [text])
    assert "<script" not in html
    html.encode("utf-8")


def test_missing_numbers_are_a_dash():
    assert "<td>–</td>" in shown("x", tables=[("t", pd.DataFrame({"gap": [np.nan]}))])


def test_a_company_set_shows_its_cities_and_what_it_could_not_use():
    html = read_companies(demo_companies())._repr_html_()
    assert "Beijing" in html
    assert "usable: 277" in html


@pytest.mark.parametrize("note", ["", "too few texts"])
def test_a_clustering_shows_its_sizes_and_its_note(note):
    found = Clustering(
        np.array([0, 0, 1, -1]), np.ones(4), np.zeros((4, 2)), 0.25, {0: [0], 1: [2]}, note, {0: 0.9, 1: 0.5}
    )
    html = found._repr_html_()
    assert "clusters: 2" in html
    assert "noise: 25%" in html
    assert (f"<i>{note}</i>" in html) == bool(note)
