import json

import numpy as np
import pytest
from encoders import HashEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression

from chainbert.convergence import gap
from chainbert.embedding import EmbeddingStore, embed_texts, load_encoder
from chainbert.embedding.languagebias import METHODS, LanguageBias, fit_language_bias, reference_texts
from chainbert.errors import ConfigError, DataError
from chainbert.files import shipped


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def bilingual(rng, sizes=(300, 200), dimension=8, languages=("en", "zh")):
    """Rows with one content distribution, a place of their own for each language, and unequal spread by axis."""
    language = np.repeat(languages, sizes)
    places = 1.5 * rng.standard_normal((len(languages), dimension))
    mixing = rng.standard_normal((dimension, dimension)) / np.sqrt(dimension)
    content = rng.standard_normal((sum(sizes), dimension)) @ mixing
    return unit(content + 2 + places[np.searchsorted(languages, language)]), language


def means(rows, language):
    return np.stack([rows[language == one].mean(axis=0) for one in np.unique(language)])


@pytest.mark.parametrize("method", METHODS)
def test_what_is_learnt_on_one_set_is_taken_out_of_another(method):
    rows, language = bilingual(np.random.default_rng(0), (600, 400), dimension=16)
    half = np.arange(len(rows)) % 2 == 0
    bias = LanguageBias.fit(rows[half], language[half], method)
    found = bias.remove(rows[~half], language[~half])
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)
    raw = gap(rows[~half & (language == "en")], rows[~half & (language == "zh")])
    left = gap(found[language[~half] == "en"], found[language[~half] == "zh"])
    assert raw > 0.2
    assert abs(left) < 0.15 * raw


@pytest.mark.parametrize("method", METHODS)
def test_a_row_depends_on_no_other_row(method):
    rows, language = bilingual(np.random.default_rng(1))
    bias = LanguageBias.fit(rows, language, method)
    whole = bias.remove(rows, language)
    some = np.random.default_rng(2).permutation(len(rows))[:50]
    assert bias.remove(rows[some], language[some]) == pytest.approx(whole[some], abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), small=st.integers(5, 300), third=st.booleans())
def test_means_are_equal_after_mean_and_leace(seed, small, third):
    sizes, names = ((300, small, 100), ("de", "en", "zh")) if third else ((300, small), ("en", "zh"))
    rows, language = bilingual(np.random.default_rng(seed), sizes, languages=names)
    centre = means(rows, language).mean(axis=0)
    for method in ("mean", "leace"):
        found = means(LanguageBias.fit(rows, language, method).erase(rows, language), language)
        assert found == pytest.approx(np.tile(centre, (len(names), 1)), abs=1e-9)


def test_mean_keeps_all_distances_within_a_language():
    rows, language = bilingual(np.random.default_rng(3))
    found = LanguageBias.fit(rows, language, "mean").erase(rows, language)
    chinese = language == "zh"
    assert found[chinese] - found[chinese][0] == pytest.approx(rows[chinese] - rows[chinese][0], abs=1e-12)


def test_lir_takes_the_first_singular_vectors_of_each_language():
    rows, language = bilingual(np.random.default_rng(4))
    bias = LanguageBias.fit(rows, language, "lir", components=2)
    found = bias.erase(rows, language)
    for name in ("en", "zh"):
        values, axes = np.linalg.eigh(rows[language == name].T @ rows[language == name])
        assert np.abs(found[language == name] @ axes[:, -2:]).max() < 1e-9
        assert found[language == name] @ axes[:, :-2] == pytest.approx(rows[language == name] @ axes[:, :-2])
        assert values[-1] > values[-2]


def test_after_leace_no_linear_classifier_reads_the_language():
    rows, language = bilingual(np.random.default_rng(5), (400, 400))
    found = LanguageBias.fit(rows, language, "leace").erase(rows, language)
    classifier = LogisticRegression(C=1e6, max_iter=5000)
    assert classifier.fit(rows, language).score(rows, language) > 0.95
    # The best linear classifier of the reference itself is the constant one (Belrose et al. 2023, theorem 3.1).
    assert classifier.fit(found, language).coef_ == pytest.approx(0, abs=1e-3)
    labels = (language == "zh").astype(float)
    table = np.column_stack([found, np.ones(len(found))])
    assert table @ np.linalg.lstsq(table, labels, rcond=1e-9)[0] == pytest.approx(0.5, abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), other=st.integers(0, 10_000))
def test_leace_moves_the_rows_least(seed, other):
    rows, language = bilingual(np.random.default_rng(seed), (150, 150))
    bias = LanguageBias.fit(rows, language, "leace")
    removed = np.eye(8) - bias.maps[0]
    offset = np.diff(means(rows, language), axis=0)[0]
    assert offset @ removed == pytest.approx(offset)
    assert removed @ removed == pytest.approx(removed, abs=1e-9)
    # Any map that takes the offset out whole differs from it by one that leaves the offset alone.
    along = np.outer(offset, offset) / (offset @ offset)
    change = (np.eye(8) - along) @ np.random.default_rng(other).standard_normal((8, 8))
    within = ledoit_wolf(rows - means(rows, language)[(language == "zh").astype(int)], assume_centered=True)[0]
    covariance = within + np.outer(offset, offset) / 4

    def moved(map_):
        return np.trace(map_.T @ covariance @ map_)

    assert moved(removed) <= moved(removed + change) + 1e-9
    assert moved(removed) <= moved(along) + 1e-9


def test_leace_with_more_dimensions_than_rows():
    rows, language = bilingual(np.random.default_rng(6), (20, 15), dimension=60)
    found = LanguageBias.fit(rows, language, "leace").erase(rows, language)
    assert np.ptp(means(found, language), axis=0) == pytest.approx(0, abs=1e-9)


def test_a_language_that_the_reference_does_not_know():
    rows, language = bilingual(np.random.default_rng(7))
    bias = LanguageBias.fit(rows, language, "mean")
    assert bias.languages == ("en", "zh")
    with pytest.raises(DataError, match=r"2 rows are in 'ja', 'other'; the reference knows en, zh: leave these rows"):
        bias.remove(rows[:3], ["ja", "zh", "other"])
    with pytest.raises(DataError, match=r"vectors of 3 dimensions found; the reference has 8"):
        bias.remove(rows[:2, :3], ["zh", "zh"])
    with pytest.raises(DataError, match=r"vectors \(500, 8\) and languages \(2,\) found"):
        bias.remove(rows, ["zh", "en"])
    with pytest.raises(DataError, match=r"row 1 has a value that is not a number"):
        bias.remove(np.stack([rows[0], np.full(8, np.nan)]), ["zh", "en"])


def test_a_reference_that_cannot_be_fitted():
    rows, language = bilingual(np.random.default_rng(8))
    with pytest.raises(DataError, match=r"the reference has the rows zh: 200; two languages"):
        LanguageBias.fit(rows[300:], language[300:], "mean")
    with pytest.raises(DataError, match=r"the rows en: 300, zh: 1; two languages with two rows each"):
        LanguageBias.fit(rows[:301], language[:301], "mean")
    with pytest.raises(ConfigError, match=r"unknown method 'median'; one of mean, lir, leace"):
        LanguageBias.fit(rows, language, "median")
    with pytest.raises(ConfigError, match=r"components is 8; 1 to 7 was expected"):
        LanguageBias.fit(rows, language, "lir", components=8)


def test_a_row_that_is_nothing_but_language():
    rows, language = bilingual(np.random.default_rng(9))
    bias = LanguageBias.fit(rows, language, "lir")
    first = np.linalg.svd(rows[language == "zh"], full_matrices=False)[2][:1]
    with pytest.raises(DataError, match=r"nothing is left of row 1 without its language \(1 such rows\)"):
        bias.remove(np.concatenate([rows[-1:], first]), ["zh", "zh"])


def test_the_reference_texts_are_balanced_and_always_the_same():
    texts = reference_texts()
    assert texts == reference_texts()
    companies = {one.company: one.language for one in texts}
    assert sorted(companies.values()) == ["en"] * 110 + ["zh"] * 110
    assert {one.language for one in texts} == {"en", "zh"}
    assert min(sum(one.language == name for one in texts) for name in ("en", "zh")) > 300
    pairs = shipped("models", "company-axes", "texts", "parity.jsonl").read_text(encoding="utf-8")
    assert not {one.text for one in texts} & {json.loads(line)["zh"] for line in pairs.splitlines()}


def test_any_encoder_is_fitted_through_the_store(tmp_path):
    encoder, store = HashEncoder(), EmbeddingStore(tmp_path)
    bias = fit_language_bias(encoder, store, "mean")
    computed = len(encoder.encoded)
    assert computed == len({one.text for one in reference_texts()})
    again = fit_language_bias(encoder, store, "leace")
    assert len(encoder.encoded) == computed
    assert bias.languages == again.languages == ("en", "zh")
    assert bias.maps.shape == (2, 64, 64)


def test_missing_reference_texts(monkeypatch, tmp_path):
    monkeypatch.setattr("chainbert.embedding.languagebias.shipped", lambda *parts: tmp_path.joinpath(*parts))
    with pytest.raises(DataError, match=r"train.jsonl: the reference texts cannot be read \(FileNotFoundError"):
        reference_texts()


@pytest.mark.slow
@pytest.mark.model
def test_pairs_of_translations_lie_nearer_without_their_language(tmp_path):
    """The 130 pairs are no part of the reference; each says the same in both languages."""
    encoder, store = load_encoder("bundled:multilingual-e5-small"), EmbeddingStore(tmp_path)
    path = shipped("models", "company-axes", "texts", "parity.jsonl")
    pairs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    vectors = embed_texts(encoder, [one[name] for name in ("en", "zh") for one in pairs], store).vectors
    language = np.repeat(["en", "zh"], len(pairs))
    raw = gap(*np.split(vectors, 2))
    left = {}
    for method in METHODS:
        rows = fit_language_bias(encoder, store, method).remove(vectors, language)
        likeness = rows[language == "en"] @ rows[language == "zh"].T
        assert (likeness.argmax(axis=1) == np.arange(len(pairs))).mean() > 0.95
        left[method] = gap(*np.split(rows, 2)) / raw
    assert max(left.values()) < 0.12
