"""LaTeX tables: whatever a company is called, the table is set and says what the run found."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runfolder import invented_companies, write_checked_run, write_run
from test_report_exports import write_words

from chainbert.labelling import Codebook
from chainbert.report.exports import export_run, undescribed
from chainbert.report.exports.latex import LONGEST_PAGE, LatexTable, example, latex
from chainbert.report.language import speaking
from chainbert.report.latextext import escaped
from chainbert.report.runfiles import read_run
from chainbert.report.tableone import table_one

HASH = "7c0bf9b48b1166e1"
ESCAPES = {
    "[": "{[}", "]": "{]}", "*": "{*}", "χ": r"$\chi$", "×": r"$\times$", "·": r"$\cdot$", "−": "$-$",
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "#": r"\#", "$": r"\$", "%": r"\%", "&": r"\&", "_": r"\_", "{": r"\{", "}": r"\}",
}  # fmt: skip
UNPRINTED = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffe\uffff]")


def printed(source: str) -> str:
    """What LaTeX prints for escaped text."""
    words = {
        "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<", "textgreater": ">",
        "textbar": "|", "textquotedbl": '"', "textasciigrave": "`",
    }  # fmt: skip
    text = re.sub(r"\\(text[a-z]+)\{\}", lambda found: f"\0{list(words).index(found[1])}\0", source)
    text = re.sub(r"\\mbox\{(\([^{}]*\))\}", r"\1", text)
    for sign, written in (("−", "$-$"), ("χ", r"$\chi$"), ("×", r"$\times$"), ("·", r"$\cdot$"), ("-", "-{}")):
        text = text.replace(written, sign)
    text = re.sub(r"\{([][*])\}", r"\1", text).replace(r"~\%", r" \%")
    text = re.sub(r"\\([#$%&_{}])", r"\1", text)
    return re.sub("\0([0-9])\0", lambda found: list(words.values())[int(found[1])], text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    write_checked_run(run)
    write_words(run)
    export_run(run, ["latex"], run_hash=HASH, codebook=Codebook.load("company-axes"))
    return run / "exports" / "latex"


@pytest.mark.parametrize(("special", "written"), ESCAPES.items())
def test_special_characters_are_escaped(special, written):
    assert escaped(f"a{special}b") == f"a{written}b"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from([*sorted(ESCAPES), "-", "`", '"'])))
def test_any_text_is_printed_as_it_is(text):
    source = escaped(text)
    # A blank is one space however many there were, as TeX has it.
    assert printed(source) == " ".join(UNPRINTED.sub(" ", text).split())
    kept = r"\\mbox\{(?=\()|(?<=\))\}|\\[#$%&_{}]|\\text[a-z]+\{\}|-\{\}|\$(?:-|\\chi|\\times|\\cdot)\$|\{[][*]\}|~\\%"
    assert not set(re.sub(kept, "", source)) & set("\\~^#$%&_{}<>[]*")
    assert "--" not in source


def test_an_interval_is_not_broken_between_lines():
    assert escaped("state 52 % (41–64)") == r"state 52~\% \mbox{(41–64)}"


def test_lines_and_control_characters_are_spaces():
    assert escaped("a\n\nb\x00\x07c\ud800\u202ed") == "a b c d"


def test_a_table_is_booktabs_and_carries_the_hash():
    table = LatexTable(
        "t", "A & B", ("City", "n"), (("北京_1", "−5 %"), ("[x]", "*")), note="100 %", rules=frozenset({0, 1})
    )
    text = latex(table, run_hash=HASH)
    assert text.startswith(f"% !TEX program = xelatex\n% chainbert run {HASH}\n")
    assert r"\caption{A \& B}\label{tab:t}" in text
    assert "\\midrule\n北京\\_1 & $-$5~\\% \\\\\n\\midrule\n{[}x{]} & {*} \\\\\n\\bottomrule" in text
    assert "xeCJK" in text
    assert "longtable" not in text


def test_a_long_table_is_a_longtable():
    rows = tuple((str(one), "x") for one in range(LONGEST_PAGE + 1))
    text = latex(LatexTable("t", "Long", ("n", "x"), rows), run_hash=HASH)
    assert r"\usepackage{longtable}" in text
    assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") == 1
    assert r"\endfirsthead" in text


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="row 1 of t has 1 cells; 2 were expected"):
        latex(LatexTable("t", "c", ("a", "b"), (("1", "2"), ("3",))), run_hash=HASH)


def rows_of(text: str) -> list[list[str]]:
    """Cells of the rows of a table."""
    return [re.split(r"(?<!\\) & ", line.removesuffix(r" \\")) for line in text.splitlines() if line.endswith(r" \\")]


def test_the_run_s_tables_say_what_the_run_found(folder):
    assert {path.name for path in folder.glob("*.tex")} == {
        *("shares.tex", "trends.tex", "dictionary.tex", "keyness.tex", "tables.tex")
    }
    for path in folder.glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"% !TEX program = xelatex\n% chainbert run {HASH}\n")
        assert len({len(row) for row in rows_of(text)}) <= 1, path.name
        plain = re.sub(r"\\[{}]", "", text)
        assert plain.count("{") == plain.count("}"), path.name
    trends = rows_of((folder / "trends.tex").read_text(encoding="utf-8"))
    shenzhen = next(row for row in trends if row[0] == "Shenzhen")
    slope = ["Shenzhen", "$-$0.0580", "{[}$-$0.0920, $-$0.0240{]}", "0.004", "0.900", "0.0410", "converging"]
    assert shenzhen == slope
    keyness = rows_of((folder / "keyness.tex").read_text(encoding="utf-8"))
    assert keyness[1] == ["Beijing", "NA", "9", "7", "1.20", "2.40", "0.004", "0.040"]
    # Too few firms use the other term for its q to be asked.
    assert len(keyness) == 2
    dictionary = rows_of((folder / "dictionary.tex").read_text(encoding="utf-8"))
    assert dictionary[1] == [r"policy \& law", *[r"50~\% {[}24–76{]}"] * 3]


def test_tables_in_chinese(tmp_path):
    write_checked_run(tmp_path)
    write_words(tmp_path)
    with speaking("zh"):
        export_run(tmp_path, ["latex"], run_hash=HASH, codebook=Codebook.load("company-axes"))
    text = (tmp_path / "exports" / "latex" / "shares.tex").read_text(encoding="utf-8")
    assert "客户 & 混合 &" in text
    assert "政策 &" in (tmp_path / "exports" / "latex" / "dictionary.tex").read_text(encoding="utf-8")


def test_table_one_is_there_as_it_is_printed(tmp_path):
    write_checked_run(tmp_path)
    write_words(tmp_path)
    table_one(read_run(tmp_path), tmp_path).save(tmp_path / "tables")
    export_run(tmp_path, ["latex", "csv-r"], run_hash=HASH)
    text = (tmp_path / "exports" / "latex" / "table1.tex").read_text(encoding="utf-8")
    assert text.startswith(f"% chainbert run {HASH}\n% !TEX program = xelatex\n")
    assert r"\documentclass" not in text
    assert r"\input{table1}" in (tmp_path / "exports" / "latex" / "tables.tex").read_text(encoding="utf-8")
    shown = pd.read_csv(tmp_path / "exports" / "csv-r" / "table1_printed.csv")
    assert list(shown.columns[:2]) == ["characteristic", "Beijing"]
    assert undescribed(pd.read_csv(tmp_path / "exports" / "codebook.csv")) == []


def test_cities_with_special_names(tmp_path):
    companies = invented_companies(np.random.default_rng(7))
    companies["city"] = companies["city"].replace("Shenzhen", "A_1 & {B} 100% \\input{x}")
    write_checked_run(tmp_path)
    write_run(tmp_path, companies)
    export_run(tmp_path, ["latex"], run_hash=HASH)
    text = (tmp_path / "exports" / "latex" / "shares.tex").read_text(encoding="utf-8")
    assert r"A\_1 \& \{B\} 100\% \textbackslash{}input\{x\} (n = " in text


def test_the_example_inputs_every_table():
    text = example(["shares", "trends"], run_hash=HASH)
    assert "\\input{shares}\n\\input{trends}" in text
    assert text.count("{") == text.count("}")


@pytest.mark.skipif(not shutil.which("xelatex"), reason="no xelatex on this machine: the tables were not set")
def test_xelatex_sets_the_tables(folder, tmp_path):
    for path in folder.glob("*.tex"):
        shutil.copy(path, tmp_path)
    done = subprocess.run(
        ["xelatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2_000:]
