"""From texts to words, and from words to what sets one group of texts apart.

In: texts in Chinese, English or both; groups, firms and languages as arrays. Out: words without function words,
company boilerplate and city names; document–feature matrices, frequencies, collocations; keyness as Quanteda counts it
beside a test on firms; dictionary counts in both languages; keywords in context; the comparison cloud.
"""

from chainbert.wording.cloud import Cloud, comparison_cloud
from chainbert.wording.collocations import collocations, frequencies
from chainbert.wording.concordance import Concordance, Concordancer, concordance
from chainbert.wording.config import WordingConfig
from chainbert.wording.dictionaries import Dictionary, DictionaryHits
from chainbert.wording.dictionaryshares import dictionary_shares
from chainbert.wording.keyness import KeynessSettings, KeynessTable, keyness, keyness_by_group
from chainbert.wording.matrix import TermMatrix
from chainbert.wording.terms import class_terms
from chainbert.wording.tokenizer import Tokenizer
from chainbert.wording.trends import term_trends
from chainbert.wording.words import tokens

__all__ = [
    "Cloud",
    "Concordance",
    "Concordancer",
    "Dictionary",
    "DictionaryHits",
    "KeynessSettings",
    "KeynessTable",
    "TermMatrix",
    "Tokenizer",
    "WordingConfig",
    "class_terms",
    "collocations",
    "comparison_cloud",
    "concordance",
    "dictionary_shares",
    "frequencies",
    "keyness",
    "keyness_by_group",
    "term_trends",
    "tokens",
]
