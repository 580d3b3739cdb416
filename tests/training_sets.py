"""Invented training texts with a planted rule, and labellers learnt from them in a moment."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from encoders import HashEncoder
from labelling_sets import SMALL, company_set

from chainbert.labelling.training.config import TrainingConfig
from chainbert.labelling.training.run import Learnt, _facts, fit_in_space, read_lessons
from chainbert.labelling.training.save import write_labeller
from chainbert.progress import silent
from chainbert.yamlfile import load

LETTERS = "abcdefghiklmnoprstuvw"
HAN = "山水田林木石花鸟鱼虫风云雨雪日月星光春夏秋冬东西南北天地江河湖海松竹梅兰"
# Words that say a code; neither cue nor example of the codebook has them, and no filler has their letters.
SIGNS = {
    "customer.state": ("zizzaz", "部委机关"),
    "customer.private": ("quoqqi", "家庭住户"),
    "goods.software": ("xoxxyx", "代码编译"),
    "goods.steel": ("jujjaj", "铁矿炼炉"),
}
VOCABULARY = SMALL + LETTERS + HAN + "".join(word for signs in SIGNS.values() for word in signs) + "zqxj的。.归"


def sentence(rng, language, code=""):
    """A sentence of random words, with the sign of a code."""
    if language == "zh":
        words = ["".join(rng.choice(list(HAN), size)) for size in (6, 7)]
        return f"{words[0]}的{SIGNS[code][1] if code else ''}{words[1]}。"
    words = ["".join(rng.choice(list(LETTERS), size)) for size in (6, 7, 8)]
    return f"The {words[0]} {words[1]} of {SIGNS[code][0] if code else 'the'} is in {words[2]}."


def invented(count, seed=0, languages=("zh", "en")):
    """``count`` companies as (id, language, [(sentence, says), …], customer, goods)."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        language = languages[number % len(languages)]
        customer = str(rng.choice(["state", "private", "mixed", "unclear"], p=[0.35, 0.35, 0.1, 0.2]))
        goods = str(rng.choice(["software", "steel"]))
        says = {"mixed": ["customer.state", "customer.private"], "unclear": []}.get(customer, [f"customer.{customer}"])
        codes = ["", *says, f"goods.{goods}"]
        sentences = [(sentence(rng, language, code), [code] if code else []) for code in codes]
        found.append((f"c{seed}-{number}", language, sentences, customer, goods))
    return found


def training_lines(companies):
    """The lines of a training file."""
    return [
        {"company": name, "language": language, "text": text, "says": says}
        for name, language, sentences, *_ in companies
        for text, says in sentences
    ]


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def texts_of(companies):
    """(id, text) rows for ``company_set``."""
    return [
        (name, ("" if language == "zh" else " ").join(text for text, _ in sentences))
        for name, language, sentences, *_ in companies
    ]


def truth_of(companies, axis):
    """Id → the axis's value."""
    return {company[0]: company[3 if axis == "customer" else 4] for company in companies}


def training_file(folder, companies, **settings):
    """A training file beside its texts and the codebook SMALL."""
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    write_lines(folder / "texts.jsonl", training_lines(companies))
    given = {"name": "planted", "texts": ["texts.jsonl"], "codebooks": ["small.yaml"], **settings}
    path = folder / "train.yaml"
    path.write_text(json.dumps(given), encoding="utf-8")  # JSON is YAML
    return path


def hashed_labeller(folder: Path, companies, *, dimension=256, **settings) -> Path:
    """A labeller's folder in the space of HashEncoder, under a random low-rank map; no transformer is trained."""
    folder.mkdir(parents=True, exist_ok=True)
    path = training_file(folder, companies, **settings)
    loaded = load(TrainingConfig, path, ())
    lessons = read_lessons(loaded, path)
    rng = np.random.default_rng(1)
    bent = (rng.normal(size=(dimension, 4)) / dimension**0.5, rng.normal(size=(4, dimension)) / dimension**0.5)
    learnt = Learnt(HashEncoder(dimension), tuple(part.astype(np.float32) for part in bent), [])
    fitted, metrics = fit_in_space(loaded.value, lessons, learnt, None, silent)
    weights = fitted.arrays() | dict(zip(("projection.A", "projection.B"), learnt.projection, strict=True))
    facts = _facts(loaded.value, lessons, learnt.encoder, fitted) | {"metrics": metrics}
    out = folder / "labeller"
    write_labeller(out, loaded.value, facts, weights, [])
    return out


def changed(book, axis, **updates):
    """The codebook with an axis changed."""
    axes = tuple(one.model_copy(update=updates) if one.id == axis else one for one in book.axes)
    return book.model_copy(update={"axes": axes})


def read_set(folder, companies):
    """The companies as a user's file gives them."""
    return company_set(folder, texts_of(companies))
