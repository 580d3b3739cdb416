"""Invented companies with hand codes by the small codebook, and an evaluation file beside them."""

from __future__ import annotations

import json

from labelling_sets import SMALL

STATE = {"zh": "为政府部门建设平台。", "en": "It serves the government."}
PRIVATE = {"zh": "面向消费者的应用。", "en": "An app for consumers."}
NEITHER = {"zh": "公司成立于某年。", "en": "It holds patents."}
GOODS = {
    "software": {"zh": "开发软件。", "en": "It writes software."},
    "steel": {"zh": "生产钢铁。", "en": "It makes steel."},
}
PLACES = {"zh": "第{}号仓库。", "en": "Its gate bears the number {}."}


def invented(n=32, *, coders=True):
    """n coded companies: every value, both languages; coder_a sees a state customer less in each eighth one."""
    rows = []
    for number in range(n):
        language = "zh" if number % 2 else "en"
        value = ("state", "private", "mixed", "unclear")[number // 2 % 4]
        goods = "steel" if number // 8 % 2 else "software"
        parts = [PLACES[language].format(number * 7919), GOODS[goods][language]]
        parts += [STATE[language]] if value in ("state", "mixed") else []
        parts += [PRIVATE[language]] if value in ("private", "mixed") else []
        parts += [NEITHER[language]] if value == "unclear" else []
        codes = {"customer": value, "goods": goods}
        row = {"id": f"c{number:02}", "lang": language, "text": " ".join(parts), "city": "Beijing", **codes}
        row["evidence_customer"] = STATE[language] if value in ("state", "mixed") else ""
        if coders:
            other = "unclear" if number % 8 == 0 else value
            row |= {"coder_a": codes | {"customer": other}, "coder_b": codes}
        rows.append(row)
    return rows


def write_evaluation_file(folder, rows=None, **settings):
    """A folder with small.yaml, gold.jsonl and evaluation.yaml; returns the last one's path."""
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    lines = [json.dumps(row, ensure_ascii=False) for row in (invented() if rows is None else rows)]
    (folder / "gold.jsonl").write_text("\n".join(lines), encoding="utf-8")
    given = {"name": "invented", "gold": "gold.jsonl", "codebook": "small.yaml", "labellers": ["cues"], "draws": 50}
    path = folder / "evaluation.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(given | settings, ensure_ascii=False), encoding="utf-8")
    return path


WORDINGS = """\
codebook: small
axes:
  customer:
    zh: [谁掏钱, 钱从哪里来]
    indicators:
      state:
        zh: [官府出钱, 公家买单]
        en: [The state pays, Public money pays]
"""

PAIRS = [
    {"pair": "a", "zh": "为政府部门建平台。", "en": "It serves the government.", "says": ["customer.state"]},
    {"pair": "b", "zh": "面向消费者的应用。", "en": "An app for shoppers.", "says": ["customer.private"]},
    {"pair": "c", "zh": "开发软件。", "en": "It writes software.", "says": ["goods.software", "elsewhere.thing"]},
    {"pair": "d", "zh": "掌握核心算法。", "en": "It holds patents.", "says": []},
]
