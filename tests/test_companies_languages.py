import pytest

from chainbert.companies import detect_language
from chainbert.companies.languages import language_code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一家提供区块链服务的公司。", "zh"),
        ("一家提供區塊鏈服務的公司，總部設於臺北。", "zh"),
        ("WiFi Key是一款APP，支持iOS、Android", "zh"),
        ("The company sells pumps in China.", "en"),
        ("Cloud storage; video conferencing; enterprise messaging platform provider", "en"),
        ("Foo (甲乙科技) is a company that makes pumps and valves for the industry.", "en"),
        ("ブロックチェーンのサービスを提供する会社です。", "other"),
        ("블록체인 서비스를 제공하는 회사입니다.", "other"),
        ("Компания продаёт насосы.", "other"),
        ("Das Unternehmen entwickelt Lösungen für Banken und Versicherungen in Europa.", "other"),
        ("", "other"),
        ("123 — 456", "other"),
    ],
)
def test_language_by_script_then_words(text, expected):
    assert detect_language(text) == expected


def test_names_in_latin_letters_are_english_whatever_they_resemble():
    assert detect_language("Pang Da Automobile Trade Co., Ltd.", prose=False) == "en"
    assert detect_language("甲乙科技", prose=False) == "zh"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("CN", "zh"),
        ("中文", "zh"),
        ("English", "en"),
        ("en_US", "en"),
        ("fr", ""),
        ("", ""),
    ],
)
def test_language_codes(given, expected):
    assert language_code(given) == expected
