import csv
import io
import json

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies.formats import read_rows
from chainbert.errors import DataError

ROWS = [
    {"id": "1", "name": "甲乙科技", "text": "做云服务；也做芯片, 都卖|出。"},
    {"id": "2", "name": "Foo", "text": 'Says "yes",\nthen more.'},
    {"id": "3", "name": "丙", "text": ""},
]


def write(path, rows=ROWS, delimiter=","):
    buffer = io.StringIO(newline="")
    table = csv.DictWriter(buffer, list(rows[0]), delimiter=delimiter)
    table.writeheader()
    table.writerows(rows)
    path.write_bytes(buffer.getvalue().encode())
    return path


def by_row(raw):
    return [dict(zip(raw.columns, row, strict=True)) for row in zip(*raw.columns.values(), strict=True)]


@pytest.mark.parametrize(
    ("delimiter", "ending"), [(",", "csv"), ("\t", "tsv"), (";", "csv"), ("|", "txt"), ("\t", "csv")]
)
def test_the_separator_is_found(tmp_path, delimiter, ending):
    raw = read_rows(write(tmp_path / f"x.{ending}", delimiter=delimiter))
    assert by_row(raw) == ROWS
    assert raw.places == [2, 3, 5]
    assert raw.unit == "line"


@given(
    st.lists(
        st.tuples(*[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=12)] * 3),
        min_size=1,
        max_size=6,
    )
)
@settings(deadline=None, max_examples=30)
def test_csv_comes_back_as_written(tmp_path_factory, rows):
    rows = [{"id": f"i{a}", "name": b, "text": c} for a, b, c in rows]
    assert by_row(read_rows(write(tmp_path_factory.mktemp("csv") / "x.csv", rows))) == rows


def test_every_format_gives_the_same_cells(tmp_path):
    frame = pd.DataFrame(ROWS)
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_excel(tmp_path / "x.xlsx", index=False)
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    (tmp_path / "x.jsonl").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "x.json").write_text(json.dumps(ROWS), encoding="utf-16")
    (tmp_path / "y.json").write_text(json.dumps({"count": 3, "companies": ROWS}), encoding="utf-8")
    (tmp_path / "z.json").write_text("\n".join(lines), encoding="gb18030")
    (tmp_path / "z.jsonl").write_text(json.dumps(ROWS, indent=1), encoding="utf-8")
    for name in ("x.parquet", "x.xlsx", "x.jsonl", "x.json", "y.json", "z.json", "z.jsonl"):
        cells = [{key: value or "" for key, value in row.items()} for row in by_row(read_rows(tmp_path / name))]
        assert cells == ROWS, name
    assert read_rows(tmp_path / "x.jsonl").places == [1, 3, 5]
    assert read_rows(tmp_path / "x.xlsx").places == [2, 3, 4]


def test_a_two_megabyte_cell_is_read(tmp_path):
    long = "字" * 700_000
    assert read_rows(write(tmp_path / "x.csv", [{"id": "1", "text": long}])).columns["text"] == [long]
    assert csv.field_size_limit() == 131_072


def test_short_rows_and_odd_headers_are_noted(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,text,text,\n1,a,b,\n\n2,c\n", encoding="utf-8")
    raw = read_rows(path)
    assert raw.columns == {"id": ["1", "2"], "text": ["a", "c"], "text (2)": ["b", ""]}
    assert raw.places == [2, 4]
    assert raw.notes == {
        "column 'text' stands more than once in the header; a later one is called 'text (2)'": 1,
        "rows with fewer cells than the header; the missing ones are read as empty": 1,
    }


def test_the_first_filled_sheet_is_read(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.create_sheet("firms")
    sheet.append([None, None])
    sheet.append(["id", "text"])
    sheet.append([1, "a"])
    book.save(tmp_path / "x.xlsx")
    raw = read_rows(tmp_path / "x.xlsx")
    assert raw.columns == {"id": [1], "text": ["a"]}
    assert raw.places == [3]
    assert raw.notes == {"only the sheet 'firms' was read": 1}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", r"x\.csv: the file is empty"),
        ("x.csv", b"\n \n", r"x\.csv: the file has only blank lines"),
        ("x.csv", b"id,name,text\n", r"x\.csv: the table has a header \(id, name, text\) and no rows"),
        ("x.csv", b'id,text\n1,"a\n2,b\n', r"x\.csv:2: a quotation mark opens here and is never closed"),
        (
            "x.csv",
            b"id,text\n1,a\n2,b, c\n",
            r"x\.csv:3: 3 cells found, 2 columns.*has a comma in it must stand in quot",
        ),
        ("x.jsonl", b'{"id": 1}\n{"id": \n', r"x\.jsonl:2: not valid JSON.*one object a line was expected"),
        ("x.jsonl", b'{"id": 1}\n[2]\n', r"x\.jsonl: line 2: a list found; an object"),
        ("x.json", b'{"a": 1,}', r"x\.json:1:9: not valid JSON"),
        (
            "x.json",
            b'{"a": [], "b": []}',
            r"an object with 'a', 'b' found; a list of objects, or an object holding one",
        ),
        ("x.json", b"[" * 100_000, r"x\.json: the JSON is nested too deeply"),
        ("x.json", b"3", r"x\.json: a int found; a list of objects was expected"),
        ("x.json", b"[]", r"x\.json: the table has no rows"),
        ("x.xlsx", b"PK\x03\x04 torn", r"x\.xlsx: not a readable Excel file"),
        ("x.parquet", b"PAR1 torn", r"x\.parquet: not a readable Parquet file"),
        ("x.xls", b"old", r"ending '\.xls' found; an old Excel file: save it as \.xlsx"),
        ("x.docx", b"text", r"ending '\.docx' found; expected one of \.csv"),
    ],
)
def test_bad_files_say_where_and_what(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_rows(path)


def test_missing_file_and_folder(tmp_path):
    write(tmp_path / "firms.csv")
    with pytest.raises(DataError, match=r"firm\.csv: no such file; the folder has firms\.csv"):
        read_rows(tmp_path / "firm.csv")
    with pytest.raises(DataError, match=r"is a folder; a file was expected"):
        read_rows(tmp_path)
