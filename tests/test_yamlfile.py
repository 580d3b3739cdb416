"""YAML with positions: every fault at once, each with its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from chainbert.errors import ConfigError
from chainbert.yamlfile import Section, did_you_mean, load


class Inner(Section):
    n_neighbors: int = Field(default=15, ge=2)
    word: str = "x"


class Outer(Section):
    name: str
    share: float = Field(default=0.5, ge=0, le=1)
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    maybe: Inner | None = None
    words: dict[str, str] = Field(default_factory=dict)


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "study.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def faults(tmp_path: Path, text: str | bytes, *overrides: str) -> list[str]:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=r"study\.yaml|--set") as caught:
        load(Outer, path, overrides)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


def test_a_valid_file_with_its_origins(tmp_path):
    loaded = load(Outer, write(tmp_path, "name: a\ninner:\n  n_neighbors: 3\n"), ["share=.25"])
    assert loaded.value == Outer(name="a", share=0.25, inner=Inner(n_neighbors=3))
    assert loaded.origin("inner.n_neighbors").endswith("study.yaml:3:3")
    assert loaded.origin("share") == "--set:1"
    assert loaded.origin("inner.word") == "default"


def test_five_faults_at_once(tmp_path):
    text = "nmae: a\nshare: 1.5\ninner:\n  n_neighbours: 3\n  word: [1]\nmany:\n  - {n_neighbors: fifteen}\n"
    found = faults(tmp_path, text)
    assert found == [
        "study.yaml:1:1: 'name' is missing; it must be given",
        "study.yaml:1:1: unknown key 'nmae'. Did you mean 'name'?",
        "study.yaml:2:1: share = 1.5: input should be less than or equal to 1",
        "study.yaml:4:3: unknown key 'inner.n_neighbours'. Did you mean 'n_neighbors'?",
        "study.yaml:5:3: inner.word = [1]: text was expected; a number or a date as text stands in quotes",
        "study.yaml:7:6: many.0.n_neighbors = 'fifteen': a whole number was expected",
    ]


def test_unknown_key_inside_an_optional_section_and_a_list(tmp_path):
    found = faults(tmp_path, "name: a\nmaybe: {wrod: y}\nmany:\n- n_neighbors: 2\n- wort: z\n")
    assert found == [
        "study.yaml:2:9: unknown key 'maybe.wrod'. Did you mean 'word'?",
        "study.yaml:5:3: unknown key 'many.1.wort'. Did you mean 'word'?",
    ]


def test_all_duplicate_keys(tmp_path):
    found = faults(tmp_path, "name: a\nname: b\ninner:\n  word: x\n  word: y\n")
    assert found == [
        "study.yaml:2:1: key 'name' was already given at study.yaml:1:1",
        "study.yaml:5:3: key 'word' was already given at study.yaml:4:3",
    ]


def test_tabs_and_full_width_colons(tmp_path):
    found = faults(tmp_path, "name： a\ninner:\n\tword: x\n")
    assert found == [
        "study.yaml:1:5: a full-width colon ： was found; write `: ` instead",
        "study.yaml:3:1: a tab in the indentation; YAML wants spaces",
    ]


def test_gbk_is_named(tmp_path):
    found = faults(tmp_path, "name: a\n# 公司\n".encode("gbk"))
    assert found == ["study.yaml:2:3: the file is not UTF-8 (its bytes read as GB18030); save it again as UTF-8"]


def test_broken_yaml(tmp_path):
    assert faults(tmp_path, "name: [a\nshare: 1\n")[0].startswith("study.yaml:2:6: not valid YAML: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("- 1\n", "a mapping `key: value` was expected at the top, found a list"),
        ("name: a\n1: b\n", "a key must be text, found '1'"),
    ],
)
def test_wrong_shape(tmp_path, text, message):
    assert message in faults(tmp_path, text)[0]


def test_alias_bomb_is_refused_quickly(tmp_path):
    lines = ["name: a", "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "more than 100,000 values" in faults(tmp_path, "\n".join(lines))[0]


def test_yaml_1_2_keeps_no_and_numbers(tmp_path):
    loaded = load(Outer, write(tmp_path, "name: 'no'\nshare: 1e-1\nwords: {country: no}\n"))
    assert loaded.value.words == {"country": "no"}
    assert loaded.value.share == 0.1


def test_crlf_and_byte_order_mark(tmp_path):
    assert load(Outer, write(tmp_path, b"\xef\xbb\xbfname: a\r\nshare: 0\r\n")).value.share == 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("share", "--set:1: 'share' found, section.key=value expected"),
        ("shaer=1", "--set:1: unknown key 'shaer'. Did you mean 'share'?"),
        ("share=[", "--set:1: the value of share is not valid YAML: '['"),
        ("share=two", "--set:1: share = 'two': a number was expected"),
        ("name.x=1", "--set:1: name.x: nothing to set there"),
        ("many=2", "--set:1: many = 2: a list was expected, as in [a, b]"),
        ("inner=2", "--set:1: inner = 2: a section was expected, lines of `key: value`"),
    ],
)
def test_overrides_are_checked_like_the_file(tmp_path, override, message):
    assert faults(tmp_path, "name: a\n", override) == [message]


def test_override_of_a_list_item_and_an_absent_section(tmp_path):
    path = write(tmp_path, "name: a\nmany: [{word: x}, {word: y}]\n")
    loaded = load(Outer, path, ["many.1.word=z", "maybe.n_neighbors=9"])
    assert loaded.value.many[1].word == "z"
    assert loaded.value.maybe == Inner(n_neighbors=9)


def test_missing_file_names_its_neighbours(tmp_path):
    write(tmp_path, "name: a\n")
    with pytest.raises(ConfigError, match=r"stdy\.yaml: no such file; the folder has study\.yaml"):
        load(Outer, tmp_path / "stdy.yaml")
    with pytest.raises(ConfigError, match="is a folder"):
        load(Outer, tmp_path)


@given(st.sampled_from(sorted(Inner.model_fields)), st.integers(0, 10), st.sampled_from("abcxyz_"))
def test_one_edit_of_a_key_is_recognised(key, place, letter):
    typo = key[: place % len(key)] + letter + key[place % len(key) + 1 :]
    if typo != key and len(key) > 3:
        assert did_you_mean(typo, Inner.model_fields) == f" Did you mean '{key}'?"
