"""Company tables of any export shape come in.

A ``CompanySet`` goes out: one row a company and year, every unusable row with its reason; and its sentences.
"""

from chainbert.companies.cities import city_name
from chainbert.companies.companyset import CompanySet, demo_companies, sentences_of
from chainbert.companies.config import CompaniesConfig
from chainbert.companies.languages import detect_language
from chainbert.companies.masking import mask_cities
from chainbert.companies.reading import read_companies
from chainbert.companies.sentences import split_sentences

__all__ = [
    "CompaniesConfig",
    "CompanySet",
    "city_name",
    "demo_companies",
    "detect_language",
    "mask_cities",
    "read_companies",
    "sentences_of",
    "split_sentences",
]
