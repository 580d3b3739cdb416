import pytest

from chainbert.companies.decoding import decode
from chainbert.errors import DataError

SIMPLIFIED = "编号,名称,简介\n1,甲乙科技,一家为企业提供云服务的公司，总部位于北京。\n"
TRADITIONAL = "編號,名稱,簡介\n1,甲乙科技,一家為企業提供雲端服務的公司，總部位於臺北。\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "gbk"]
)
def test_simplified_text_in_every_encoding(encoding):
    assert decode(SIMPLIFIED.encode(encoding), "x.csv")[0] == SIMPLIFIED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030", "big5", "cp950"])
def test_traditional_text_in_every_encoding(encoding):
    assert decode(TRADITIONAL.encode(encoding), "x.csv")[0] == TRADITIONAL


def test_windows_1252_is_refused_not_read_as_chinese():
    raw = "id,text\n1,The company’s café sells “good” things\n".encode("cp1252")
    with pytest.raises(DataError, match=r"x\.csv:2: byte 0x92 is not UTF-8.*save it again as UTF-8"):
        decode(raw, "x.csv")


def test_torn_utf16_names_the_byte():
    with pytest.raises(DataError, match=r"looks like UTF-16-LE but breaks at byte \d+ .*cut short"):
        decode(b"\xff\xfe" + "甲乙".encode("utf-16-le")[:-1], "x.csv")
