"""How the study was made, in prose that can be cited, and how to cite the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version as installed
from typing import Any

from chainbert.report.language import joined, message, say
from chainbert.report.lead import listed
from chainbert.report.palette import Cities
from chainbert.report.runfiles import RunFiles

Facts = Mapping[str, Any]
LANGUAGES = {"zh": message("Chinese"), "en": message("English"), "other": message("another language")}
SOURCES = {
    "energy": "Székely, G. J. and Rizzo, M. L. (2013). Energy statistics: a class of statistics based on distances. "
    "Journal of Statistical Planning and Inference 143(8), 1249–1272.",
    "holm": "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
    "Statistics 6(2), 65–70.",
    "wilson": "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of "
    "the American Statistical Association 22(158), 209–212.",
    "umap": "McInnes, L., Healy, J. and Melville, J. (2018). UMAP: uniform manifold approximation and projection for "
    "dimension reduction. arXiv:1802.03426.",
    "hdbscan": "Campello, R. J. G. B., Moulavi, D. and Sander, J. (2013). Density-based clustering based on "
    "hierarchical density estimates. PAKDD 2013, 160–172.",
    "ppi": "Angelopoulos, A. N., Bates, S., Fannjiang, C., Jordan, M. I. and Zrnic, T. (2023). Prediction-powered "
    "inference. Science 382(6671), 669–674.",
    "words": "Monroe, B. L., Colaresi, M. P. and Quinn, K. M. (2008). Fightin' words: lexical feature selection and "
    "evaluation for identifying the content of political conflict. Political Analysis 16(4), 372–403.",
    "consensus": "Fred, A. L. N. and Jain, A. K. (2005). Combining multiple clusterings using evidence accumulation. "
    "IEEE Transactions on Pattern Analysis and Machine Intelligence 27(6), 835–850.",
}
# What LaTeX reads as its own.
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def methods_prose(files: RunFiles, cities: Cities, facts: Facts, *, words: bool = False) -> str:
    """One paragraph for a methods section, of what this run did and nothing else; ``words``: it compared words."""
    parts = (_set(files, cities), _labels(files, facts), _gap(files), _words(words), _clusters(files), _made(facts))
    return joined(" ", (sentence for part in parts for sentence in part))


def sources(files: RunFiles, *, words: bool = False) -> list[str]:
    """What the methods paragraph refers to."""
    named = [
        *(("words",) if words else ()),
        *(("ppi",) if files.hand_codes else ()),
        *(("wilson",) if not files.shares.empty else ()),
        *(("energy", "holm") if files.found("gaps") else ()),
        *(("umap", "hdbscan", "consensus") if not files.cluster_sizes.empty else ()),
    ]
    return sorted(SOURCES[name] for name in named)


def plain_citation(title: str, facts: Facts) -> str:
    """The page as an entry of a list of references."""
    year = f" ({_year(facts)})" if _year(facts) else ""
    version = say("Report of a chainbert {version} run", version=_version(facts))
    run = f", {say('run hash {hash}', hash=facts['run_hash'])}" if facts.get("run_hash") else ""
    return f"{_authors(facts)}{title}{year}. {version}{run}."


def bibtex(title: str, facts: Facts) -> str:
    """The same as a BibTeX entry; its key is the study's name."""
    key = re.sub(r"[^a-z0-9-]", "", str(facts.get("study") or "").casefold()) or "chainbert-run"
    note = f"Report of a chainbert {_version(facts)} run"
    fields = {
        "author": " and ".join(_latex(str(one)) for one in facts.get("authors") or []),
        "title": f"{{{_latex(title)}}}",
        "year": _year(facts),
        "note": f"{note}, run hash {facts['run_hash']}" if facts.get("run_hash") else note,
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def _set(files: RunFiles, cities: Cities) -> Iterator[str]:
    usable = files.usable
    if usable.empty:
        return
    firms = usable.groupby("city")["id"].nunique()
    languages = [say(LANGUAGES.get(one, str(one))) for one in usable["language"].value_counts().index]
    yield say(
        "The study reads {texts} texts of {firms} companies in {languages}: {cities}.",
        texts=f"{len(usable):,}",
        firms=f"{usable['id'].nunique():,}",
        languages=listed(languages),
        cities=listed([f"{city} {firms.get(city, 0):,}" for city in cities.names]),
    )


def _labels(files: RunFiles, facts: Facts) -> Iterator[str]:
    encoder = facts.get("encoder") or {}
    if name := encoder.get("name") if isinstance(encoder, Mapping) else encoder:
        yield say("Texts were cut into sentences and embedded with the encoder {name}.", name=name)
    codebook = facts.get("codebook") or {}
    version = codebook.get("version") if isinstance(codebook, Mapping) else codebook
    if facts.get("labeller") and version:
        yield say(
            "The labeller {labeller} labelled each company by codebook {version}; every label rests on the sentence "
            "that speaks most for it.",
            labeller=facts["labeller"],
            version=version,
        )
    if not files.shares.empty:
        yield say("Shares are counts of labels with 95 % intervals (Wilson 1927).")
    if n := files.hand_codes.get("n"):
        yield say(
            "{n} hand codes correct them for the labeller's errors (prediction-powered inference, Angelopoulos et al. "
            "2023).",
            n=n,
        )


def _gap(files: RunFiles) -> Iterator[str]:
    if not files.found("gaps"):
        return
    yield say(
        "A company's vector is the mean of its sentences'. The gap between a city and {reference} is the energy "
        "distance between their firms' vectors as a U-statistic, over the mean distance within a city (Székely and "
        "Rizzo 2013).",
        reference=files.reference,
    )
    if draws := files.convergence.get("draws"):
        yield say(
            "Intervals are clustered by firm, p-values of gaps come from {draws} permutations, and those of trends are "
            "corrected for the number of cities (Holm 1979).",
            draws=draws,
        )
    yield say(
        "The verdict follows from a fixed table of rules; a finding has to survive every check that could be made."
    )


def _words(compared: bool) -> Iterator[str]:
    if compared:
        yield say(
            "Words are compared by log-odds with a prior (Monroe et al. 2008); a term holds where permutations of the "
            "companies, not of their words, leave a false-discovery rate below 5 %."
        )


def _clusters(files: RunFiles) -> Iterator[str]:
    if not files.cluster_sizes.empty:
        yield say(
            "Clusters are what many layouts of parts of the companies (UMAP, McInnes et al. 2018), each grouped by "
            "HDBSCAN (Campello et al. 2013), agree on (Fred and Jain 2005); no test is computed from a map."
        )


def _made(facts: Facts) -> Iterator[str]:
    if facts.get("seed") is None:
        yield say("Computed with chainbert {version}.", version=_version(facts))
    else:
        yield say("Computed with chainbert {version}, seed {seed}.", version=_version(facts), seed=facts["seed"])


def _version(facts: Facts) -> str:
    return str(facts.get("chainbert") or installed("chainbert"))


def _year(facts: Facts) -> str:
    return str(facts.get("created") or "")[:4]


def _authors(facts: Facts) -> str:
    names = [str(one) for one in facts.get("authors") or []]
    return f"{listed(names)}. " if names else ""


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)
