"""The study file: one section a stage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import Field

from chainbert.clustering import ClusteringConfig
from chainbert.companies import CompaniesConfig, city_name, demo_companies
from chainbert.convergence import ConvergenceConfig, bin_years
from chainbert.embedding import EmbeddingConfig
from chainbert.errors import ConfigError, Fault
from chainbert.files import shipped
from chainbert.labelling import LabellingConfig
from chainbert.labelling.gold import demo_codes
from chainbert.report.config import ReportConfig
from chainbert.report.exports.config import ExportsConfig
from chainbert.wording.config import WordingConfig
from chainbert.yamlfile import Loaded, Section, given_or_shipped, load


class StudyConfig(Section):
    """A study: which companies, how they are read, and what is asked of them."""

    study: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Short name in lower case; the run folder is ``runs/NAME`` unless another is given."""
    title: str
    """One line for the report's head."""
    note: str = ""
    """A sentence shown wherever results are shown, such as that the companies are invented."""
    seed: int = Field(default=20180, ge=0)
    """The one seed of every random step."""
    companies: CompaniesConfig
    embedding: EmbeddingConfig = EmbeddingConfig()
    labelling: LabellingConfig = LabellingConfig()
    clustering: ClusteringConfig = ClusteringConfig()
    convergence: ConvergenceConfig
    wording: WordingConfig = WordingConfig()
    report: ReportConfig = ReportConfig()
    exports: ExportsConfig = ExportsConfig()


def study_path(name: str) -> Path:
    """The study file of that path, or the shipped study of that name (``demo``, ``smoke``, …)."""
    return given_or_shipped(name, shipped("configs", "studies"), "a study file nor a shipped study")


def load_study(name: str, overrides: Iterable[str] = ()) -> Loaded[StudyConfig]:
    """Read and check a study file; raises ConfigError listing every fault of it and of the overrides."""
    path = study_path(name)
    loaded = load(StudyConfig, path, overrides)
    if faults := list(_faults(loaded, f"{path}:1:1")):
        raise ConfigError.of(faults)
    return loaded


def _faults(loaded: Loaded[StudyConfig], top: str) -> Iterator[Fault]:
    """What no field can see alone, and would otherwise come out only after everything was embedded."""
    convergence, cities = loaded.value.convergence, loaded.value.companies.cities
    try:
        bin_years([], convergence.periods)
    except ConfigError as error:
        yield Fault(loaded.origins.get("convergence.periods", top), f"convergence.periods: {error}")
    named = {city_name(city) for city in cities}
    if named and city_name(convergence.reference) not in named:
        yield Fault(
            loaded.origins.get("convergence.reference", loaded.origins.get("convergence", top)),
            f"convergence.reference = {convergence.reference!r}: is not among companies.cities ({', '.join(cities)}); "
            "name one of them, or add it there",
        )


def companies_path(loaded: Loaded[StudyConfig], study: Path) -> Path:
    """The company table of a study; ``demo:`` means the companies that come with chainbert."""
    given = loaded.value.companies.path
    if given is None:
        raise ConfigError(
            f"{study}: 'companies.path' is not given; name the company table in the study file "
            "or with --set companies.path=FILE"
        )
    return demo_companies() if given == "demo:" else loaded.beside(given, "companies.path", study)


def codebook_path(loaded: Loaded[StudyConfig], study: Path) -> str | Path:
    """The codebook of a study: a shipped one's name, or a file."""
    given = loaded.value.labelling.codebook
    return loaded.beside(given, "labelling.codebook", study) if given.endswith((".yaml", ".yml")) else given


def labeller_name(loaded: Loaded[StudyConfig], study: Path) -> str | Path:
    """The labeller of a study: a name, or the folder of a trained one, where it has a slash."""
    given = loaded.value.labelling.labeller
    is_folder = "/" in given and not given.startswith("nli:")
    return loaded.beside(given, "labelling.labeller", study) if is_folder else given


def hand_codes_path(loaded: Loaded[StudyConfig], study: Path) -> Path | None:
    """The hand codes of a study; ``demo:`` means those of the invented companies, nothing means none."""
    given = loaded.value.labelling.hand_codes
    if given == "demo:":
        return demo_codes()
    return loaded.beside(given, "labelling.hand_codes", study) if given else None


def words_path(loaded: Loaded[StudyConfig], study: Path) -> Path | None:
    """The file of the user's own words; None where the study lists them itself or has none."""
    given = loaded.value.wording.words
    return loaded.beside(given, "wording.words", study) if isinstance(given, str) else None


def dictionary_name(loaded: Loaded[StudyConfig], study: Path) -> str | Path:
    """The dictionary of a study: a shipped one's name, or a file."""
    given = loaded.value.wording.dictionary
    return loaded.beside(given, "wording.dictionary", study) if given.endswith((".yaml", ".yml")) else given


def published_name(loaded: Loaded[StudyConfig], study: Path) -> str | Path | None:
    """The published table beside Table 1: a shipped one's name, or a file; None where there is none."""
    given = loaded.value.report.published
    if not given:
        return None
    return loaded.beside(given, "report.published", study) if given.endswith((".yaml", ".yml")) else given


def resolved_lines(loaded: Loaded[StudyConfig], *, origin: bool = False) -> list[str]:
    """The study with every default filled in, a line a value: ``clustering.n_neighbors = 15  # default``."""
    values = flat(loaded.value.model_dump(mode="json"))
    return [
        f"{key} = {json.dumps(value, ensure_ascii=False)}" + (f"  # {loaded.origin(key)}" if origin else "")
        for key, value in values.items()
    ]


def flat(value: object, dotted: str = "") -> dict[str, object]:
    """Nested mappings as dotted key → value; lists stay whole."""
    if not isinstance(value, dict) or not value:
        return {dotted: value}
    return {
        key: one
        for name, inner in value.items()
        for key, one in flat(inner, f"{dotted}.{name}" if dotted else str(name)).items()
    }
