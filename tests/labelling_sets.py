"""Small codebooks and company sets for the labelling tests; every text is invented."""

from __future__ import annotations

import json

from chainbert.companies import read_companies

SMALL = """\
id: small
title: {zh: 小, en: Small}
axes:
  - id: customer
    kind: indicators
    names: {zh: 客户, en: Customer}
    description: {zh: 谁付费, en: Who pays}
    indicators:
      - id: state
        names: {zh: 国家, en: State}
        description: {zh: 政府付费, en: Government pays}
        examples:
          zh: [为政府部门建平台。, 客户是公安机关。]
          en: [It serves the government., Police departments buy its radios.]
        counter_examples:
          zh: [响应国家政策。]
          en: [It follows government policy.]
        cues:
          zh: {match: [政府|公安], unless: [政府补贴]}
          en: {match: ['\\b(government|police)\\b'], unless: [government policy]}
      - id: private
        names: {zh: 民间, en: Private}
        description: {zh: 民间付费, en: Private people pay}
        examples:
          zh: [面向消费者的应用。, 为商家做收银。]
          en: [An app for consumers., It serves merchants.]
        cues:
          zh: {match: [消费者|商家]}
          en: {match: ['\\b(consumers|merchants)\\b']}
    mixed:
      zh: [为政府和消费者服务。]
      en: [It serves the government and consumers.]
    neutral:
      zh: [公司成立于某年。, 掌握核心算法。]
      en: [It was founded some time ago., It holds patents.]
  - id: goods
    kind: single
    names: {zh: 产品, en: Goods}
    description: {zh: 做什么, en: What it makes}
    indicators:
      - id: software
        names: {zh: 软件, en: Software}
        description: {zh: 软件, en: Software}
        examples: {zh: [开发软件。], en: [It writes software.]}
        cues: {zh: {match: [软件]}, en: {match: [software]}}
      - id: steel
        names: {zh: 钢铁, en: Steel}
        description: {zh: 钢铁, en: Steel}
        examples: {zh: [生产钢铁。], en: [It makes steel.]}
        cues: {zh: {match: [钢铁]}, en: {match: [steel]}}
"""


def company_set(folder, rows):
    """A CompanySet of (id, text) or (id, text, name) rows, read the way a user's file is."""
    path = folder / "companies.jsonl"
    names = ("id", "text", "name")
    lines = [json.dumps({"city": "Beijing", **dict(zip(names, row, strict=False))}) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_companies(path)
