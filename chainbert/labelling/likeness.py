"""What two rows of companies must not share across a split: folded ids, names and domains, texts nearly the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from chainbert.companies import mask_cities
from chainbert.companies.decoding import simplified
from chainbert.companies.fields import is_nothing, website_of

GRAM = 5
JACCARD, CONTAINMENT = 0.5, 0.8
"""Two texts are nearly the same from this share of common 5-grams on: of both texts' together, of the shorter's."""
FEWEST_GRAMS = 20
"""A shorter text is contained in others by chance; below it only equal texts count."""
_COMMON_GRAM = 50
_BLOCK, _PAIRS = 1000, 20_000
_LEGAL_FORM = re.compile(
    r"(?:股份有限公司|有限责任公司|有限公司|股份公司|集团公司|集团|公司"
    r"|[\s,.]+(?:co|company|corp|corporation|inc|incorporated|ltd|limited|llc|llp|lp|plc|pte|pty|gmbh|ag|sa|group|holdings)"
    r"|[\s,.])+$"
)
_BRACKETED = re.compile(r"[(\[][^)\]]*[)\]]")
_MARKS = re.compile(r"[\W_]+")
# Many firms have their page here; the host says nothing about whose it is.
_PORTALS = """
36kr.com 1688.com 163.com alibaba.com amazon.com angel.co apple.com apps.apple.com baidu.com bilibili.com china.com
cnblogs.com crunchbase.com csdn.net discord.com discord.gg douban.com douyin.com facebook.com gitee.com github.com
google.com hc360.com instagram.com itjuzi.com jd.com jianshu.com kickstarter.com linkedin.com linktr.ee medium.com
microsoft.com notion.so pinterest.com qcc.com qichacha.com qq.com reddit.com sina.com.cn sohu.com t.me taobao.com
telegram.org tianyancha.com tmall.com toutiao.com twitter.com weibo.cn weibo.com weixin.com wikipedia.org x.com
xiaohongshu.com youku.com youtube.com zhihu.com
"""
PORTALS = frozenset(_PORTALS.split())
# Each site here is the name before it, as under a country's ending.
_HOSTING = """
appspot.com azurewebsites.net blogspot.com firebaseapp.com gitbook.io gitee.io github.io gitlab.io herokuapp.com
myshopify.com netlify.app notion.site pages.dev readthedocs.io square.site substack.com vercel.app web.app weebly.com
wixsite.com wordpress.com
"""
HOSTING = frozenset(_HOSTING.split())
_SECOND_LEVEL = frozenset(["ac", "co", "com", "edu", "gov", "mil", "net", "org"])
_CHINA_PROVINCES = """
ah bj cq fj gd gs gx gz ha hb he hi hk hl hn jl js jx ln mo nm nx qh sc sd sh sn sx tj tw xj xz yn zj
"""
_PROVINCES = frozenset(_CHINA_PROVINCES.split())


def folded_id(text: str) -> str:
    """An id or register code without blanks, width and letter case; "" where it says nothing."""
    return "" if is_nothing(text) else "".join(unicodedata.normalize("NFKC", text).casefold().split())


def folded_name(name: str) -> str:
    """A company's name without legal form, brackets, marks, width, case, script; "" where one letter or none is left.

    ``ＡＢＣ科技（北京）有限公司`` → ``abc科技``; ``Acme Tools Co., Ltd.`` → ``acmetools``.
    """
    if is_nothing(name):
        return ""
    plain = simplified(unicodedata.normalize("NFKC", name)).casefold().strip()
    bare = _BRACKETED.sub(" ", plain).strip() or plain
    folded = _MARKS.sub("", _LEGAL_FORM.sub("", bare))
    return folded if len(folded) > 1 else ""


def registered_domain(website: str) -> str:
    """The part of an address that one owner registered: ``https://www.a.com.cn/x`` → ``a.com.cn``.

    "" for none and for portals, where many firms have their page; on hosting sites the name before them counts.
    """
    host = website_of(website).partition("://")[2].partition("/")[0].partition("?")[0].partition(":")[0]
    labels = host.strip(".").split(".")
    if len(labels) < 2 or labels[-1].isdecimal():
        return host
    size = 2
    second = labels[-2]
    national = len(labels[-1]) == 2
    if ".".join(labels[-2:]) in HOSTING:
        if len(labels) == 2:
            return ""
        size = 3
    elif national and (second in _SECOND_LEVEL or (labels[-1] == "cn" and second in _PROVINCES)) and len(labels) > 2:
        size = 3
    domain = ".".join(labels[-size:])
    return "" if domain in PORTALS else domain


def folded_text(text: str) -> str:
    """A text without marks, blanks, width, case and script, its city names all alike; near-duplicates come closer."""
    plain = unicodedata.normalize("NFKC", mask_cities(text))
    return _MARKS.sub("", simplified(plain).casefold())


def near_duplicates(train: Sequence[str], test: Sequence[str]) -> Iterator[tuple[int, int, float, float]]:
    """Pairs (row of train, row of test, Jaccard, containment) of folded texts that share most of their 5-grams.

    A pair counts from a Jaccard similarity of .5 on, or where .8 of the shorter's 5-grams are in the longer. Grams that
    more than 50 texts have (and one in 200 of all) find no pairs by themselves, so that boilerplate costs no time,
    except for texts that consist of little else; pairs that are found are measured with all grams.
    """
    grams = _grams([*train, *test])
    sizes = np.asarray(grams.sum(axis=1)).ravel()
    frequency = np.asarray(grams.sum(axis=0)).ravel()
    rare = grams[:, (frequency > 1) & (frequency <= max(_COMMON_GRAM, 0.005 * len(sizes)))]
    common = grams[:, frequency > 1]
    of_rare, of_common = (np.asarray(part.sum(axis=1)).ravel() for part in (rare, common))
    split, long = len(train), sizes >= FEWEST_GRAMS
    plain = (of_rare >= 0.2 * of_common) & (of_rare > 0)
    for part, chosen, own in ((rare, plain, of_rare), (common, ~plain, of_common)):
        rows = np.flatnonzero(chosen[:split] & long[:split])
        for first, second in _candidates(part, rows, split, own):
            shared = np.asarray(grams[first].multiply(grams[second]).sum(axis=1)).ravel()
            n, m = sizes[first], sizes[second]
            jaccard, contained = shared / (n + m - shared), shared / np.minimum(n, m)
            near = long[second] & ((jaccard >= JACCARD) | (contained >= CONTAINMENT))
            columns = (first, second - split, jaccard, contained)
            yield from zip(*(column[near].tolist() for column in columns), strict=True)


def _candidates(
    grams: sparse.csr_array, rows: np.ndarray, split: int, own: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs (rows before and from ``split``) of which the one with fewer of these grams shares three in ten."""
    others = grams[split:].T.tocsr()
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        shared = (grams[block] @ others).tocoo()
        first, second = block[shared.row], shared.col + split
        likely = np.flatnonzero(shared.data >= 0.3 * np.minimum(own[first], own[second]))
        for place in range(0, len(likely), _PAIRS):
            chosen = likely[place : place + _PAIRS]
            yield first[chosen], second[chosen]


def _grams(texts: Sequence[str]) -> sparse.csr_array:
    """(n, grams) 0/1: which 5-grams each folded text has."""
    known: dict[str, int] = {}
    indices: list[int] = []
    ends = [0]
    for text in texts:
        own = {text[place : place + GRAM] for place in range(len(text) - GRAM + 1)}
        indices.extend(known.setdefault(gram, len(known)) for gram in own)
        ends.append(len(indices))
    data = np.ones(len(indices), dtype=np.float32)
    shape = (len(texts), max(1, len(known)))
    return sparse.csr_array((data, np.asarray(indices, dtype=np.int64), np.asarray(ends, dtype=np.int64)), shape=shape)
