"""Where investors come from, told by their names: the state, mainland China's private side, or abroad."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import pandas as pd

from chainbert.companies.cities import known_cities
from chainbert.companies.fields import investors_of, is_nothing
from chainbert.errors import DataError
from chainbert.labelling.investornames import ORIGINS, listed_origin
from chainbert.wording.folding import HAN, folded

COLUMNS = ["row", "investor", "origin", "rule"]
NO_INVESTOR = ("nobody", "adviser")
"""Rules of names that are no investor's."""
_HAN = re.compile(f"[{HAN}]")
# 财务顾问 stands among the investors of a round and has put in nothing.
_ADVISER = re.compile(r"财务顾问|融资顾问|financial advis[eo]r|\(fa\)", re.IGNORECASE)
_NOBODY = re.compile(
    "(?:投资方|投资人|投资者|机构)?(?:未透露|未披露|未公开|未知|不详|保密|匿名)(?:的?投资(?:方|人|者|机构))?"
    "|(?:个人|天使|机构|战略|海外|境内|其他|知名|多位|某|数位|自然人|老|原)*(?:投资人|投资者|投资机构|投资方|股东|天使|个人|机构)"
    "|(?:股权)?众筹|管理层|员工持股(?:平台|计划)?|创始人|创始团队|团队自筹|自筹资金"
    "|undisclosed(?: investors?)?|angel investors?|individual investors?|existing (?:investors|shareholders)|others?"
    "|crowdfunding"
)
_ABROAD = (
    "美国|英国|日本|德国|法国|韩国|新加坡|瑞士|瑞典|挪威|荷兰|丹麦|芬兰|加拿大|以色列|马来西亚|泰国|印尼|印度|越南|俄罗斯|澳大利亚|澳洲|"
    "西班牙|意大利|迪拜|阿联酋|沙特|中东|硅谷|纽约|伦敦|东京|香港|澳门|台湾|台北|欧洲|北美|亚洲|海外|外资|中外合资|"
    "波士顿|芝加哥|洛杉矶|旧金山|西雅图|多伦多|温哥华|巴黎|柏林|慕尼黑|苏黎世|首尔|大阪|悉尼|墨尔本|"
    "牛津|剑桥|哈佛|耶鲁|斯坦福|普林斯顿|康奈尔"
)
_ABROAD_LATIN = (
    "usa|america|american|california|silicon valley|new york|boston|london|uk|british|england|europe|european|germany|"
    "german|berlin|france|french|paris|swiss|switzerland|zurich|nordic|sweden|dutch|japan|japanese|tokyo|korea|korean|"
    "seoul|singapore|malaysia|thailand|indonesia|vietnam|india|indian|israel|tel aviv|dubai|emirates|saudi|russia|"
    "canada|canadian|toronto|australia|sydney|hong kong|hongkong|macau|macao|taiwan|taipei|"
    "gmbh|plc|pte|pty|llc|k\\.k\\.|n\\.v\\.|s\\.a\\."
)
_STATE = (
    "引导基金|引导子基金|国资|国有|国企|央企|城投|农投|交投|水投|科创委|政府|财政|人民(?!币)|管委会|"
    "科技局|经信|工信|发改|供销|军民融合|国防|兵器|航天|航空工业|电网|烟草|邮政|石油|石化|经开|自贸|(?:高新|开发|新|园)区(?!块)|"
    "大学|研究院|研究所|科学院|银行|广电|日报|报业|出版|电视台|广播"
)
_STATE_LATIN = (
    "guidance fund|state[- ](?:owned|capital|assets|fund|innovation|development|digital)|sasac|municipal|provincial"
)
# Public anywhere; of the Chinese state beside a place in China.
_PUBLIC_LATIN = re.compile(
    "(?<![a-z])(?:government|public finance|national fund|ministry|university|academy of sciences)(?![a-z])"
)
# 国家, 中国, 全国 before an institution: 中国文化产业投资基金. (红杉资本中国 has it behind.)
_NATIONAL = re.compile("(?:中国|国家|全国|中央|中华).*(?:基金|投资|银行|集团|公司|资本|创投)")
_PUBLIC_KIND = (
    "产业|科技|创业|创新|科创|文化|建设|城市|交通|金融控股|新兴|高科技|高新|"
    "国际信托|信托|信用|中小企业|母|天使母|种子|发展|战略|工业|农业|能源|技术|旅游"
)
_ENDING = "基金|投资|创投|集团|控股|公司|风险|担保|资本"
# 浙江省…投资, 苏州市…集团: the word for a level of government between a place and what it runs.
_LEVEL = re.compile(f"[{HAN}]{{2,4}}(?:[省市县州]|区(?!块)).{{0,8}}(?:{_ENDING}|产业|引导|开发)")
# Public after a place, and parts of private names elsewhere: 青岛…国投, 朗科投资.
_AFTER_PLACE = re.compile(
    "国投|科投|产投|文投|旅投|建投|铁投|金控|国控|国创|人才基金|产业(?:投资|发展|创业投资|股权投资)?基金|母基金"
)
# 粤…产业基金, 皖…产投; those that begin many other words (新, 青, 吉) are left out.
_PROVINCE_IN_SHORT = re.compile("[京沪津渝冀晋辽苏浙皖闽赣鲁豫鄂湘粤桂琼川黔滇陕陇]")
_SPECIAL_REGIONS = ("香港", "澳门", "台湾")


def label_investors(investors: Sequence[Sequence[str] | str], *, latin: str = "") -> pd.DataFrame:
    """Where each investor of each company comes from, told by its name.

    ``investors`` n lists of names; text in place of a list, or of a name, is split at ``、 , ; |`` and ``/``.
    ``latin``: the origin of names in Latin letters that nothing else is known of; "" says none, and "global" suits
    sources in Chinese, which give the names of Chinese investors in Chinese.

    One row a name of a company: row, investor (without its role in the round), origin (state, global, domestic as
    on the axis `investor` of the codebook business; "" where none can be told), rule: why, the first that holds of
    ``nobody`` (undisclosed, "angel investor"), ``adviser`` (财务顾问), ``listed`` (investornames.tsv), ``word: 美国``
    (a place abroad or a legal form from there), ``word: 引导基金`` (the state's), ``place: …`` (a place in China with
    a public kind of fund, or before a name in Latin letters), ``default: Chinese name`` (domestic: private funds, firms
    and persons; not safe where a state firm's name does not show it), ``default: Latin name``, ``unknown``.
    Raises DataError for another ``latin``.
    """
    if latin not in ("", *ORIGINS):
        raise DataError(f"latin = {latin!r} found; expected one of {', '.join(ORIGINS)}, or the empty text")
    rows = []
    for row, given in enumerate(investors):
        names = [given] if isinstance(given, str) else given
        for name in dict.fromkeys(one for written in names for one in investors_of(written)):
            origin, rule = _origin(name)
            if rule == "unknown" and latin:
                origin, rule = latin, "default: Latin name"
            rows.append((row, name, origin, rule))
    kinds = {"row": "int64", "investor": "str", "origin": "str", "rule": "str"}
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


def _origin(name: str) -> tuple[str, str]:
    text = folded(name).strip()
    if is_nothing(text) or _NOBODY.fullmatch(text):
        return "", "nobody"
    if _ADVISER.search(text):
        return "", "adviser"
    if origin := listed_origin(name):
        return origin, "listed"
    if match := _abroad().search(text):
        return "global", f"word: {match.group()}"
    if told := _state(text):
        return "state", told
    if _HAN.search(text):
        return "domestic", "default: Chinese name"
    if match := _latin_places().search(text):
        return "domestic", f"place: {match.group()}"
    return "", "unknown"


def _state(text: str) -> str:
    """The word or place that makes a name the state's, "" for none."""
    if match := _state_words().search(text):
        return f"word: {match.group()}"
    if match := _NATIONAL.match(text):
        return f"word: {text[:2]}"
    if (match := _PUBLIC_LATIN.search(text)) and _latin_places().search(text):
        return f"word: {match.group()}"
    place = _places().match(text) or _PROVINCE_IN_SHORT.match(text)
    if place and (match := _AFTER_PLACE.search(text)):
        return f"place: {place.group()} {match.group()}"
    if place and re.fullmatch(f"[省市区县]?(?:{_PUBLIC_KIND})+(?:{_ENDING})+", text[place.end() :]):
        return f"place: {place.group()}"
    if match := _LEVEL.match(text):
        return f"place: {match.group()}"
    return ""


@cache
def _abroad() -> re.Pattern[str]:
    return re.compile(rf"{_ABROAD}|(?<![a-z])(?:{_ABROAD_LATIN})(?![a-z])")


@cache
def _state_words() -> re.Pattern[str]:
    return re.compile(rf"{_STATE}|(?<![a-z])(?:{_STATE_LATIN})(?![a-z])")


@cache
def _places() -> re.Pattern[str]:
    """A Chinese province, city or district at the beginning of a name."""
    mainland = [city for city in known_cities() if city.province and city.province not in _SPECIAL_REGIONS]
    names = {name for city in mainland for name in (city.province, *city.chinese)}
    names |= {district for city in mainland for district, _ in city.districts}
    names |= {name[:-1] for name in names if name[-1:] == "区" and len(name) > 2}
    return re.compile("|".join(sorted(map(re.escape, filter(None, names)), key=lambda name: (-len(name), name))))


@cache
def _latin_places() -> re.Pattern[str]:
    mainland = [city for city in known_cities() if city.province and city.province not in _SPECIAL_REGIONS]
    names = {name for city in mainland for name in (*city.latin, *(latin for _, latin in city.districts)) if name}
    told = "|".join(sorted(map(re.escape, map(folded, names)), key=lambda name: (-len(name), name)))
    return re.compile(rf"(?<![a-z])(?:china|chinese|{told})(?![a-z])")
