from dataclasses import replace

import pytest

from chainbert.convergence.verdict import MOVERS, RULES, Evidence, decide, sentence

NAN = float("nan")
CONVERGING = Evidence(
    city="Shenzhen",
    reference="Beijing",
    first=("2013–2016", 0.041),
    last=("2020–2022", 0.012),
    slope=-0.0045,
    low=-0.0071,
    high=-0.0019,
    p_holm=0.004,
    p_equivalent=0.9,
    margin=0.0016,
    power=0.3,
    minimum_detectable=0.004,
    status="",
    mover="home moved",
)
QUIET = replace(CONVERGING, p_holm=0.4, power=0.95, mover="neither shown")


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (CONVERGING, "converging"),
        (replace(CONVERGING, slope=0.0045), "diverging"),
        (replace(CONVERGING, status="not estimable: 1 period with a gap, a trend needs two"), "not shown"),
        (replace(CONVERGING, p_holm=0.06), "underpowered"),
        (replace(CONVERGING, p_holm=0.06, power=0.81), "not shown"),
        (replace(CONVERGING, p_holm=0.06, p_equivalent=0.04), "no change"),
        (replace(QUIET, p_equivalent=0.04), "no change"),
        (replace(QUIET, p_equivalent=0.04, power=0.1), "no change"),
        (QUIET, "not shown"),
        (replace(QUIET, power=0.79), "underpowered"),
        (replace(QUIET, power=NAN, p_equivalent=NAN, margin=NAN), "underpowered"),
        (replace(QUIET, p_holm=NAN, power=NAN, p_equivalent=NAN), "underpowered"),
        (replace(CONVERGING, p_equivalent=0.01), "converging"),
    ],
)
def test_the_rule_table(evidence, verdict):
    assert decide(evidence).verdict == verdict


def test_the_rules_stand_in_their_order():
    words = [rule.verdict for rule in RULES]
    assert words == ["not shown", "converging", "diverging", "no change", "underpowered", "not shown"]


def test_the_sentence_has_the_numbers():
    assert sentence(CONVERGING, decide(CONVERGING)) == (
        "Shenzhen and Beijing: converging, because the gap falls; the gap was 0.041 in 2013–2016 and 0.012 in "
        "2020–2022, a slope of -0.0045 a year (95 % -0.0071 to -0.0019, p = 0.004 after Holm); "
        "Shenzhen moved towards Beijing."
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"p_holm": 0.4, "p_equivalent": 0.0004}, "a slope of ±0.0016 is ruled out (p < 0.001)"),
        (
            {"p_holm": 0.4},
            "the power to find a slope of 0.0016 is 30%, the smallest slope that would be found is 0.0040.",
        ),
        ({"p_holm": 0.4, "margin": NAN}, "no gap is seen in the first period, so there is nothing that could close"),
        ({"status": "not estimable: no periods"}, "too few cells could be estimated (not estimable: no periods)."),
    ],
)
def test_the_sentence_says_what_the_verdict_rests_on(change, words):
    evidence = replace(CONVERGING, **change)
    assert words in sentence(evidence, decide(evidence))


@pytest.mark.parametrize("mover", sorted(MOVERS))
def test_every_mover_has_words(mover):
    assert "{" not in sentence(replace(CONVERGING, mover=mover), decide(CONVERGING))
