from dataclasses import replace

import pytest

from chainbert.convergence.verdict import MOVERS, RULES, Control, Evidence, decide, sentence

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
SURVIVED = (
    Control("Shenzhen", "length held fixed", passed=True, said="slope -0.0040, p = 0.010"),
    Control("Shenzhen", "permuted years", passed=True, said="p = 0.010"),
    Control("Shenzhen", "permuted cities", passed=True, said="p = 0.005"),
    Control("Shenzhen", "halves of the reference", passed=True, said="4% of placebo slopes significant"),
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
        "Shenzhen moved towards Beijing; not checked against placebos and confounders."
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


@pytest.mark.parametrize("place", range(len(SURVIVED)))
@pytest.mark.parametrize(("slope", "verdict"), [(-0.0045, "converging"), (0.0045, "diverging")])
def test_one_failed_control_takes_the_finding_away(place, slope, verdict):
    checked = replace(CONVERGING, slope=slope, controls=SURVIVED)
    failed = [replace(one, passed=number != place) for number, one in enumerate(SURVIVED)]
    assert decide(checked).verdict == verdict
    assert decide(replace(checked, controls=tuple(failed))).verdict == "underpowered"
    assert decide(replace(checked, controls=tuple(failed), power=0.9)).verdict == "not shown"
    assert decide(replace(checked, controls=tuple(failed), p_equivalent=0.01)).verdict == "no change"


def test_what_could_not_be_checked_does_not_count_and_is_named():
    unknown = replace(SURVIVED[0], passed=None, said="not estimable: 2 firms in shared strata")
    evidence = replace(CONVERGING, controls=(unknown, *SURVIVED[1:]))
    rule = decide(evidence)
    assert rule.verdict == "converging"
    assert sentence(evidence, rule).endswith(
        "it survives permuted years, permuted cities, halves of the reference; could not be checked: length held fixed."
    )


def test_the_sentence_names_the_control_that_failed():
    evidence = replace(CONVERGING, controls=(replace(SURVIVED[1], passed=False, said="p = 0.200"),))
    assert "; the slope does not survive: permuted years (p = 0.200)." in sentence(evidence, decide(evidence))
