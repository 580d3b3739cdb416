"""Ten lines each that read the exports in R and in Stata."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chainbert.files import write_text

_R = """\
# chainbert run {run}
# What every column means: codebook.csv. A missing value is an empty cell; "NA" is a text like any other.
folder <- "csv-r"
files <- list.files(folder, pattern = "[.]csv$", full.names = TRUE)
tables <- lapply(files, read.csv, na.strings = "", encoding = "UTF-8", check.names = FALSE, stringsAsFactors = FALSE)
names(tables) <- sub("[.]csv$", "", basename(files))
codebook <- read.csv("codebook.csv", na.strings = "", encoding = "UTF-8")
companies <- tables[["companies"]]
{parquet}
str(companies, vec.len = 1)
"""
_PARQUET = """# Faster, with every type kept: companies <- nanoparquet::read_parquet("parquet/companies.parquet")"""
_DO = """\
* chainbert run {run}
* What every variable means: describe, or codebook.csv. Labelled values are .a where they are missing.
version 14
clear all
use "stata/companies.dta", clear
describe, short
label list
* One more table, joined by the key of a company and year:
* merge 1:m key using "stata/evidence.dta"
summarize
"""


def write_scripts(folder: Path, formats: Sequence[str], *, run_hash: str) -> list[Path]:
    """Write ``read.R`` beside csv-r and ``read.do`` beside stata, each to be run from the folder it is in."""
    written = []
    if "csv-r" in formats:
        written.append(folder / "read.R")
        write_text(written[-1], _R.format(run=run_hash, parquet=_PARQUET if "parquet" in formats else "# No parquet."))
    if "stata" in formats:
        written.append(folder / "read.do")
        write_text(written[-1], _DO.format(run=run_hash))
    return written
