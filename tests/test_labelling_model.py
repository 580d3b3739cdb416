"""The zero-shot labeller with the real encoder and the shipped codebook; all sentences are invented."""

from __future__ import annotations

import numpy as np
import pytest
from labelling_sets import company_set

from chainbert.embedding import DEFAULT_ENCODER, EmbeddingStore, load_encoder
from chainbert.labelling import Codebook, Labeller
from chainbert.labelling.scoring import lesson_of

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def book():
    return Codebook.load("company-axes")


@pytest.fixture(scope="module")
def label(tmp_path_factory, book):
    folder = tmp_path_factory.mktemp("model")
    labeller = Labeller.load("zero-shot", encoder=load_encoder(DEFAULT_ENCODER))
    store = EmbeddingStore(folder / "store")

    def run(texts):
        rows = [(str(index), text) for index, text in enumerate(texts)]
        return labeller.label(company_set(folder, rows), book, store=store).table

    return run


def test_each_example_of_the_codebook_is_labelled_as_it_says(book, label):
    for axis in book.axes:
        lesson = lesson_of(axis)
        table = label([text for _, text in lesson.phrases])
        said = np.stack([book.says(table, axis.id, indicator.id) for indicator in axis.indicators], axis=1)
        known = ~np.isnan(lesson.answers)
        wrong = ((said != (lesson.answers == 1)) & known).any(axis=1)
        assert wrong.mean() <= 0.02, [lesson.phrases[row] for row in np.flatnonzero(wrong)]


FRESH = [
    ("协助税务局核对发票，已在三个省上线。", "customer", "state"),
    ("为消防支队研制的救援指挥系统。", "customer", "state"),
    ("主营自来水厂和污水管网的建设，业主是各地市政府。", "customer", "state"),
    ("大学生二手书交易小站。", "customer", "private"),
    ("帮宠物店预约洗护的工具。", "customer", "private"),
    ("一个让乐迷买票、抢座的演出平台。", "customer", "private"),
    ("既给城管部门做巡查系统，也给物业公司做保修软件。", "customer", "mixed"),
    ("生产高纯度的钼粉和钨丝。", "customer", "unclear"),
    ("The system helps county tax offices check invoices.", "customer", "state"),
    ("It builds command software for fire brigades and police stations under public procurement.", "customer", "state"),
    ("A ticketing app for music fans.", "customer", "private"),
    ("The company brews tea drinks and sells them in its shops.", "customer", "private"),
    ("It sells mapping software to city governments and to carmakers.", "customer", "mixed"),
    ("The company produces molybdenum powder and tungsten wire.", "customer", "unclear"),
    ("国内规模最大的花卉批发网站。", "market", "domestic"),
    ("已为全国两千多所中学提供排课系统。", "market", "domestic"),
    ("主打非洲和中东市场的音乐软件。", "market", "global"),
    ("八成订单来自海外买家，产品销往四十个国家。", "market", "global"),
    ("一款记录跑步的工具。", "market", "unclear"),
    ("The largest flower wholesaler in China.", "market", "domestic"),
    ("Its music app is used in Africa and the Middle East.", "market", "global"),
    ("The company sells lamps in China and exports them to forty countries.", "market", "mixed"),
    ("A tool that records runs.", "market", "unclear"),
    ("为钢琴老师排课的软件。", "application", "industry"),
    ("比特币和以太坊的场外交易所。", "application", "crypto"),
    ("给出口企业做应收账款融资。", "application", "finance"),
    ("面向开发者的可验证存储网络和跨链网关。", "application", "infrastructure"),
    ("The company insures harvests and lends to growers.", "application", "finance"),
    ("It grows flowers and delivers them the next day.", "application", "industry"),
    ("A node service and key management layer for blockchain developers.", "application", "infrastructure"),
]


@pytest.mark.parametrize("script", ["zh", "en"])
def test_four_fifths_of_fresh_sentences_come_out_right(label, script):
    cases = [case for case in FRESH if case[0].isascii() == (script == "en")]
    table = label([text for text, _, _ in cases])
    wrong = [(*case, table[case[1]][row]) for row, case in enumerate(cases) if table[case[1]][row] != case[2]]
    assert len(wrong) <= 0.2 * len(cases), wrong


@pytest.mark.parametrize(
    "text",
    [
        "公司积极响应国家号召，推动产业升级。",
        "已在监管部门完成区块链信息服务备案。",
        "公司股东包括某国有资本投资公司。",
        "In response to the national strategy, the company develops lighting products.",
        "It completed its filing with the regulator in 2019.",
        "A state-owned fund holds a fifth of its shares.",
    ],
)
def test_policy_filings_and_state_owners_alone_are_no_state_customers(label, text):
    assert label([text])["customer.state"][0] < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "公司总部位于上海市浦东新区。",
        "隶属于广州某某文化传播有限公司。",
        "The company was founded in 2011 and is based in Beijing, China.",
        "Its head office is located in Shanghai, the People's Republic of China.",
    ],
)
def test_where_a_company_sits_is_no_market(label, text):
    assert label([text])["market"][0] == "unclear"


@pytest.mark.parametrize(
    "text", ["公司拥有世界一流的焊接技术。", "团队由海外归国博士组成。", "It owns world-class welding technology."]
)
def test_the_level_of_technology_and_the_team_are_no_market(label, text):
    assert label([text])["market.global"][0] < 0.5


def test_helping_firms_sell_abroad_is_both_markets(label):
    assert (
        label(["帮助国内品牌出海的服务商。", "It helps Chinese brands sell overseas."])["market"].tolist()
        == ["mixed"] * 2
    )


def test_a_sentence_at_the_end_of_a_long_text_still_decides(label):
    filler = ["公司掌握核心算法。", "团队来自知名企业。", "公司重视产品质量。", "研发投入逐年上升。"] * 10
    before, after = "".join(filler), "".join([*filler, "为各级政府部门提供政务审批系统。"])
    assert label([before, after])["customer.state"].round().tolist() == [0, 1]
