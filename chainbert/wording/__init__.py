"""From texts to words, and from words to what sets one group of texts apart.

In: texts in Chinese, English or both; groups as an array of labels. Out: lists of words without function words,
company boilerplate and city names; the terms of each group with their weights and the number of firms using them.
"""

from chainbert.wording.terms import class_terms
from chainbert.wording.words import tokens

__all__ = ["class_terms", "tokens"]
