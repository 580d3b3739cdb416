"""Every text of the report has its Chinese, and English stays the key."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from itertools import product
from pathlib import Path

import altair as alt
import jinja2
import numpy as np
import pandas as pd
import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import nodes
from ruamel.yaml import YAML
from runfolder import write_checked_run, write_run

from chainbert import clustering, convergence
from chainbert.convergence import (
    Controls,
    firm_counts,
    measure_convergence,
    measure_share_trends,
    measure_topic_trends,
    side_by_side,
    specification_curve,
    turnover,
)
from chainbert.convergence.tables import to_records
from chainbert.convergence.verdict import MOVERS, RULES, Control, Evidence, sentence
from chainbert.errors import DataError
from chainbert.report import findings, language
from chainbert.report.checks import differences, placebos, power
from chainbert.report.clusterchecks import cluster_parts, cluster_warnings
from chainbert.report.clusterlines import cluster_lines
from chainbert.report.companyrows import company_rows
from chainbert.report.exhibits import gap_figure, map_figure, share_figures
from chainbert.report.language import LANGUAGES, counted, joined, say, speaking, speech, spoken, told
from chainbert.report.movement import both, change, moved, separability
from chainbert.report.otherways import other_ways
from chainbert.report.palette import choose_colours
from chainbert.report.runfiles import read_run
from chainbert.report.specificationcurve import specifications
from chainbert.report.verdictcards import cards

REPORT = Path(language.__file__).parent.parent
CATALOGUES = sorted((REPORT / "language" / "zh").glob("*.po"))
# The page of an evaluation is English; two of its figures stand on a run's page too.
SPOKEN_IN = sorted(
    path
    for path in (*REPORT.rglob("*.py"), *REPORT.rglob("*.jinja"))
    if (path.stem == "evaluationfigures" or not path.name.startswith("evaluation")) and "language" not in path.parts
)
# Words that run on: English that was left over. Two or three may be names.
ENGLISH = re.compile(r"[A-Za-z][a-z'’]+(?:[ ,;:]+(?:[a-z]|[A-Z](?=[a-z]))[a-z'’]*){3,}")
HAN = re.compile(r"[\u3400-\u9fff]")


def messages(path: Path) -> list:
    with path.open("rb") as file:
        return [one for one in read_po(file, locale="zh", abort_invalid=True) if one.id]


def texts(given: object) -> tuple[str, ...]:
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def places(text: str) -> set[str]:
    return {name for _, name, _ in speech._pieces(text)} - {""}


def said_in(path: Path) -> set[str]:
    """Literals that a module or template says."""
    if path.suffix == ".jinja":
        calls = jinja2.Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call)
        found = ((getattr(call.node, "name", ""), call.args) for call in calls)
        said = [const for name, args in found for part in spoken_of(name, args) for const in constants(part)]
        return {one.value for one in said if isinstance(one.value, str)}
    found = set()
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            for part in spoken_of(name, call.args):
                assert not isinstance(part, ast.JoinedStr), f"{path}:{call.lineno}: an f-string is no message"
                found |= {part.value} if isinstance(part, ast.Constant) and isinstance(part.value, str) else set()
    return found


def spoken_of(name: str, args: list) -> list:
    return args[:1] if name in ("say", "_", "message") else args[1:3] if name == "counted" else []


def constants(part: nodes.Node) -> list[nodes.Const]:
    return [part] if isinstance(part, nodes.Const) else list(part.find_all(nodes.Const))


def strings_of(path: Path) -> set[str]:
    """Every text of a file, said at once or kept in a constant."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return {one.value for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Constant) and one.value}
    if path.suffix == ".jinja":
        return {one.value for one in jinja2.Environment().parse(text).find_all(nodes.Const)}
    return set(leaves(YAML(typ="safe").load(text)))


def leaves(value: object) -> list[str]:
    """The texts of nested data, keys included."""
    if isinstance(value, dict):
        return [one for key, part in value.items() for one in (str(key), *leaves(part))]
    if isinstance(value, list | tuple):
        return [one for part in value for one in leaves(part)]
    return [value] if isinstance(value, str) else []


# (a) the catalogues


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_message_and_its_chinese_have_the_same_places(path):
    for one in messages(path):
        ids, strings = texts(one.id), texts(one.string)
        assert strings[0], f"{path.name}: {ids[0]!r} has no Chinese"
        assert not one.fuzzy, f"{path.name}: {ids[0]!r} is fuzzy"
        assert len(strings) == 1, "Chinese has one form for one thing and for many"
        assert places(strings[0]) == places(ids[-1]), f"{path.name}: {ids[0]!r}"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_no_message_stands_twice_in_a_catalogue(path):
    found = re.findall(r'^msgid "(.+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == len(set(found)), {one for one in found if found.count(one) > 1}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_chinese_has_full_width_punctuation(path):
    for one in messages(path):
        text = texts(one.string)[0]
        assert not re.search(r"[\u3400-\u9fff}] ?[,;:?!](?![\w/=])", re.sub(r"<[^>]+>", "", text)), text


def test_a_word_has_one_chinese_or_the_common_catalogue_decides():
    known: dict[str, set[str]] = {}
    for path in CATALOGUES:
        if path.stem != "told":
            for one in messages(path):
                known.setdefault(texts(one.id)[0], set()).add(texts(one.string)[0])
    common = {texts(one.id)[0] for path in CATALOGUES if path.stem == "common" for one in messages(path)}
    assert {one for one, found in known.items() if len(found) > 1} <= common


# (b) the modules and templates


@pytest.mark.parametrize("path", SPOKEN_IN, ids=lambda path: path.name)
def test_every_text_that_is_said_has_its_chinese(path):
    assert said_in(path) - set(speech.catalogue("zh")) - {""} == set()


@pytest.mark.parametrize(
    "path", [path for path in CATALOGUES if path.stem not in ("common", "told")], ids=lambda path: path.stem
)
def test_no_message_is_left_that_nobody_says(path):
    known = set().union(*map(strings_of, (*SPOKEN_IN, *REPORT.rglob("*.yaml"))))
    asked = [texts(one.id) for one in messages(path) if "told" not in one.auto_comments]
    assert [ids[0] for ids in asked if not known & set(ids)] == []


# (c) a run in Chinese


def fields(value: object) -> list[str]:
    """Every text of nested results, of charts what their specification shows."""
    if isinstance(value, alt.TopLevelMixin):
        return fields(shown(value.to_dict(validate=False)))
    if dataclasses.is_dataclass(value):
        return [one for field in dataclasses.fields(value) for one in fields(getattr(value, field.name))]
    if isinstance(value, dict):
        return [one for part in value.values() for one in fields(part)]
    if isinstance(value, list | tuple | set):
        return [one for part in value for one in fields(part)]
    return [value] if isinstance(value, str) else []


def shown(specification: object) -> object:
    if isinstance(specification, dict):
        skipped = {"$schema", "font", "test", "filter"}
        return {key: shown(part) for key, part in specification.items() if key not in skipped}
    return [shown(one) for one in specification] if isinstance(specification, list) else specification


def everything(folder: Path, facts: dict) -> list[str]:
    """All texts that the page shows of a run, but its templates' own."""
    files = read_run(folder)
    cities = choose_colours(findings.city_order(files))
    rows = company_rows(files, cities)
    parts = [part(files, cities) for part in (separability, moved, change, both, differences, placebos, power)]
    parts += [findings.key_numbers(files, cities), findings.trends(files), findings.label_trends(files)]
    parts += [findings.left_out(files, facts), findings.methods(files, facts), gap_figure(files, cities)]
    parts += [share_figures(files, cities), map_figure(files, rows, cities), other_ways(files), specifications(files)]
    parts += [cluster_parts(files, cities), cluster_warnings(files), cluster_lines(files, cities), cards(files)]
    return [one for part in parts for one in fields(part)]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def measured_run() -> dict:
    """What a study writes of 60 invented firms, some of them in three years; too few of one city in one period."""
    rng = np.random.default_rng(5)
    rows = [
        {"firm": f"f{place:03d}", "city": ("Beijing", "Beijing", "Shanghai", "Shenzhen")[place % 4], "year": year}
        for place in range(60)
        for year in (2015, 2018, 2021)
        if (place + year) % 3 and not (place % 4 == 3 and year == 2015 and place > 9)
    ]
    table = pd.DataFrame(rows)
    city, year, firm = table["city"].to_numpy(str), table["year"].to_numpy(float), table["firm"].to_numpy(str)
    vectors = rng.normal(size=(len(table), 8))
    vectors[:, 0] += np.where(city == "Beijing", 2.0, (year - 2015) / 4)
    covariates = pd.DataFrame({"language": np.where(rng.random(len(table)) < 0.5, "zh", "en")})
    covariates["length"] = rng.integers(20, 400, len(table)).astype(float)
    clusters = rng.integers(-1, 3, len(table))
    shared = {"reference": "Beijing", "firm": firm}
    found = measure_convergence(
        unit(vectors),
        city,
        year,
        **shared,
        strata=covariates[["language"]].to_numpy(str),
        draws=99,
        rng=rng,
        clusters=clusters,
        controls=Controls(covariates=covariates, strata=("language",), placebos=19, studies=20),
    )
    labels = {name: measure_share_trends(rng.random(len(table)) < p, city, year, **shared) for name, p in SAYS.items()}
    both_ways = side_by_side(found, labels)
    topics = measure_topic_trends(clusters, city, year, **shared)
    places = {"cities": ("Beijing", "Shanghai", "Shenzhen")}
    treated = {("raw", "kept"): unit(vectors), ("mean", "masked"): unit(vectors - vectors.mean(axis=0))}
    strata = {"none": None, "language": covariates["language"].to_numpy(str)}
    curve = specification_curve({"e5": treated}, city, year, **shared, strata=strata, seeds=(0, 1))
    return {
        "convergence.json": found.to_json()
        | {
            "time": "observed",
            "seed": 5,
            "left_out": {"no observed year": 2, "an earlier observation of the same firm": 3},
        }
        | {"firm_counts": to_records(firm_counts(city, year, firm, **places))}
        | {"turnover": to_records(turnover(city, year, firm, **places))}
        | {"side_by_side": to_records(both_ways.table), "agreement": both_ways.sentences}
        | topics.to_json(),
        "specifications.json": curve.to_json(),
    }


SAYS = {"customer.state": 0.4, "customer.private": 0.6, "market.global": 0.1}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """A run with the invented whole verdict; the sentences as verdict.py writes them."""
    folder = tmp_path_factory.mktemp("checked")
    first, *_ = verdict_sentences()
    facts = write_checked_run(folder, sentences={"Shanghai": first, "Shenzhen": first})
    return folder, facts


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    facts = write_run(folder)
    for name, content in measured_run().items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, default=float), encoding="utf-8")
    return folder, facts


@pytest.mark.parametrize("run", ["checked", "measured"])
def test_a_run_in_chinese_has_no_english_sentence_left(run, request):
    folder, facts = request.getfixturevalue(run)
    with speaking("zh"):
        said = everything(folder, facts)
    assert sum(bool(HAN.search(one)) for one in said) > 400
    assert [one for one in said if ENGLISH.search(one)] == []
    assert [one for one in said if re.search(r"[\u3400-\u9fff] ?[,;]|\{\w+\}", one)] == []


def test_a_run_in_english_has_no_chinese_but_its_companies_and_terms(checked):
    ours = [one for one in everything(*checked) if not re.search(r"链|[\u3400-\u9fff]+( ·|$)", one)]
    assert len(ours) > 400
    assert [one for one in ours if HAN.search(one)] == []


def verdict_sentences() -> list[str]:
    """One of every rule, mover and outcome of the controls."""
    passed = Control("Shanghai", "permuted years", True, "p = 0.010")
    failed = Control("Shanghai", "language + length held fixed", False, "slope -0.0090, p = 0.412")
    unknown = Control("Shanghai", "halves of the reference", None, "not estimable: the city has no slope")
    said = []
    for rule, mover, controls, p, margin in product(
        RULES, MOVERS, ((), (passed,), (passed, unknown), (unknown,), (passed, failed)), (0.004, 0.4), (0.01, 0.0)
    ):
        evidence = Evidence(
            *("Shanghai", "Beijing", ("2013–2016", 0.31), ("2020–2022", -0.02), -0.05, -0.09, -0.01, p, 0.3, margin),
            *(0.43, 0.012, "not estimable: 1 period with a gap, a trend needs two" if rule is RULES[0] else ""),
            *(mover, controls),
        )
        said.append(sentence(evidence, rule))
    return list(dict.fromkeys(said))


def test_every_sentence_of_a_verdict_is_told():
    with speaking("zh"):
        for one in verdict_sentences():
            for text in (one, one.replace("-0", "−0")):
                assert not re.search(r"[a-z]{2,}", re.sub("Shanghai|Beijing|Holm", "", told(text))), told(text)
                assert told(text).endswith("。")


def reasons(room: object) -> set[str]:
    """Every reason that a room gives; what stands in a place is NUL."""
    found = set()
    for path in Path(room.__file__).parent.glob("*.py"):
        walked = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        joined_ones = [one for one in walked if isinstance(one, ast.JoinedStr)]
        parts = {id(part) for one in joined_ones for part in one.values}
        plain = [one for one in walked if isinstance(one, ast.Constant) and id(one) not in parts]
        found |= {one.value for one in plain if isinstance(one.value, str)}
        for one in joined_ones:
            found.add("".join(part.value if isinstance(part, ast.Constant) else "\0" for part in one.values))
    return {one for one in found if one.startswith("not estimable: ") and one != "not estimable: "}


# What the rooms put into a place.
FILLERS = (
    "7",
    "Lu",
    "language",
    "1 firm",
    " of the reference",
    "no firms stay",
    "1 period",
    "1 period with a gap",
    "gap",
)
FILLERS += ("the city has no slope", "cities without a gap have none to close", "fewer than two periods with a gap")


@pytest.mark.parametrize("room", [convergence, clustering], ids=["convergence", "clustering"])
def test_every_reason_of_the_rooms_below_is_told(room):
    assert len(reasons(room)) >= 6
    with speaking("zh"):
        for one in reasons(room):
            before, *after = one.split("\0")
            orders = product(FILLERS if len(after) < 4 else FILLERS[:3], repeat=len(after))
            tried = (before + "".join(map("".join, zip(order, after, strict=True))) for order in orders)
            assert any(not re.search(r"[a-z]{2,} [a-z]{2,}", told(text)) for text in tried), one


# (d) how it is said


def test_english_is_said_as_it_stands():
    assert spoken() == "en"
    assert say("Gap to {reference}", reference="Lu") == "Gap to Lu"
    assert say("no {place}") == "no {place}"
    assert counted(1, "{n:,} text", "{n:,} texts") == "1 text"
    assert counted(2000, "{n:,} text", "{n:,} texts") == "2,000 texts"
    assert joined(" and ", ["a", "b", "c"]) == "a and b and c"
    assert told("not estimable: 3 firms of Lu") == "not estimable: 3 firms of Lu"


def test_a_place_without_a_value_is_an_error():
    for one in LANGUAGES:
        with speaking(one), pytest.raises(KeyError, match="reference"):
            say("Gap to {reference}", city="Lu")


def test_only_the_two_languages_are_spoken_and_only_inside_the_block():
    with pytest.raises(ValueError, match="'fr' found; expected one of en, zh"), speaking("fr"):
        pass
    with speaking("zh"), speaking("en"):
        assert spoken() == "en"
    with pytest.raises(KeyError), speaking("zh"):
        say("Gap to {reference}", city="Lu")
    assert spoken() == "en"


def test_a_space_stands_where_han_meets_latin_and_only_there():
    with speaking("zh"):
        assert say("Gap to {reference}", reference="Lu") == "与 Lu 的差距"
        assert say("Gap to {reference}", reference="北京") == "与北京的差距"
        assert say("{low} to {high}", low="−0.1", high="0.2") == "−0.1 至 0.2"
        assert joined(" and ", ["a", "乙", "丙"]) == "a 和乙和丙"
        assert joined(", ", ["a", "b"]) == "a、b"
        assert counted(1, "{n:,} text", "{n:,} texts") == "1 条文本"
        assert counted(2000, "{n:,} text", "{n:,} texts") == "2,000 条文本"


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("converging", "趋同"),
        ("not estimable: 3 firms of New Lu", "无法估计：New Lu 仅 3 家公司"),
        ("not estimable: no firms of Lu", "无法估计：Lu 没有公司"),
        ("language + length held fixed", "控制语言 + 长度"),
        ("sector_code held fixed", "控制 sector_code"),
        (
            "cities share no level; levels with one firm of a city: 1–2, 3–4",
            "两城没有共有的类别；某城市仅有一家公司的类别：1–2、3–4",
        ),
        ("same company, year and text as line 12, other columns differ", "公司、年份与文本同第 12 行，其他列不同"),
        ("> 0.62: not even the largest adoption simulated", "> 0.62：模拟的最大采纳比例也不足以检出"),
        (
            "the vectors say no change, the a.b, a.c and d.e shares say diverging, the f.g share says converging: "
            "they contradict each other.",
            "向量的结论为无变化，a.b、a.c、d.e 占比的结论为趋异，f.g 占比的结论为趋同：二者相互矛盾。",
        ),
        (
            "Lu in 2013: 12% of the rows are in no cluster, 4% elsewhere (p = 0.01, Holm 0.03); what is said of "
            "clusters leaves out more of this city than of the others, so its composition is biased",
            "Lu（2013）：12% 的记录未归入任何聚类，其他城市为 4%（p = 0.01，Holm 校正后 0.03）；"
            "有关聚类的结果遗漏该城市的文本多于其他城市，故其构成有偏",
        ),
        ("a sentence that nobody knows", "a sentence that nobody knows"),
        ("", ""),
    ],
)
def test_told(english, chinese):
    with speaking("zh"):
        assert told(english) == chinese


@given(st.text(max_size=60))
def test_whatever_is_told_comes_back_as_text(text):
    with speaking("zh"):
        assert isinstance(told(text), str)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=30))
def test_what_fills_a_place_is_kept_whatever_it_is(name):
    with speaking("zh"):
        assert say("Gap to {reference}", reference=name).replace(" ", "") == f"与{name}的差距".replace(" ", "")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ('msgid "a"\nmsgstr "b\n', r"bad\.po:2: found 'msgstr \"b', expected"),
        ('msgid "a"\nmsgstr "b"\n\nfoo\n', r"bad\.po:4: found 'foo'"),
        ('msgid "{a}"\nmsgstr "{b}"\n', r"bad\.po:1: '\{a\}': found the place \{b\}, which the English does not have"),
        ('msgid "a"\nmsgstr "{b"\n', r"bad\.po:1: 'a': has a brace without its partner"),
        (b"msgid \xff", r"bad\.po: cannot be read"),
    ],
)
def test_a_damaged_catalogue_is_named_with_its_line(tmp_path, monkeypatch, content, match):
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "bad.po").write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.setattr(speech, "_FOLDER", tmp_path)
    speech._known.cache_clear()
    try:
        with pytest.raises(DataError, match=match):
            speech.catalogue("zh")
    finally:
        monkeypatch.undo()
        speech._known.cache_clear()
