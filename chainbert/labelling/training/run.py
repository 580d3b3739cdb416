"""From a training file to a labeller's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainbert.embedding import (
    AdaptedEncoder,
    EmbeddingStore,
    SentenceEncoder,
    default_store_folder,
    embed_texts,
    load_encoder,
)
from chainbert.errors import ConfigError, DataError
from chainbert.files import check_writable, content_hash
from chainbert.labelling.codebook import Axis, Codebook, Language
from chainbert.labelling.knownaxis import description_phrases
from chainbert.labelling.leakage import refuse_leaks
from chainbert.labelling.modelfolder import MANIFEST, ModelFolder
from chainbert.labelling.scorer import TRAINED
from chainbert.labelling.scoring import Sentences, lesson_of
from chainbert.labelling.trained import Trained
from chainbert.labelling.training.anchors import wordings
from chainbert.labelling.training.config import TrainingConfig, codebook_of
from chainbert.labelling.training.fit import Fitted, bundle, fit_all
from chainbert.labelling.training.handcodes import adapt
from chainbert.labelling.training.measure import Metrics, measure
from chainbert.labelling.training.parts import companies_of, kept_out
from chainbert.labelling.training.save import ADAPTER, write_adapted, write_labeller
from chainbert.labelling.training.texts import TrainingTexts, read_training_texts
from chainbert.progress import Progress, silent
from chainbert.yamlfile import Loaded, did_you_mean, load

LANGUAGES: tuple[Language, ...] = ("zh", "en")
CHECKPOINTS = "training"
KEPT_OUT = "Companies kept out of the weights"
UNSEEN = "Texts never used"


@dataclass(frozen=True, slots=True)
class Lessons:
    """Everything training reads."""

    texts: TrainingTexts
    axes: tuple[Axis, ...]
    codebooks: dict[str, str]
    """Id → version."""
    out: np.ndarray
    """(m,) bool: kept out of the weights."""
    test: TrainingTexts | None
    """Texts that nothing is learnt from."""


def train(
    path: Path, overrides: Sequence[str] = (), *, out: Path | None = None, progress: Progress = silent
) -> ModelFolder:
    """Train or adapt a labeller as a training file says; ``out`` (runs/labellers/NAME) becomes its folder.

    The same file, texts, package versions and thread count give the same labeller. Interrupted, it goes on
    with the epoch it was in. Raises ConfigError for a faulty file, DataError for faulty texts or codes.
    """
    loaded = load(TrainingConfig, path, overrides)
    config = loaded.value
    out = out or Path("runs") / "labellers" / config.name
    check_writable(out / MANIFEST)
    if config.mode == "hand-codes":
        return write_adapted(out, config, adapt(loaded, path, progress), progress)
    base = load_encoder(config.encoder)
    if not isinstance(base, SentenceEncoder):
        raise ConfigError(
            f"{path}: encoder {config.encoder!r} cannot be trained on; name a bundled:, hub: or path: one"
        )
    lessons = read_lessons(loaded, path)
    store = EmbeddingStore(default_store_folder())
    # Where files lie and what the card says does not change what is learnt.
    settings = config.model_dump_json(exclude={"texts", "test", "description"})
    read = json.dumps([lessons.codebooks, sorted(lessons.texts.sha256.values())])
    identity = content_hash(settings, base.fingerprint, read)
    learnt = learn_space(config, lessons, base, store, identity, out, progress)
    fitted, metrics = fit_in_space(config, lessons, learnt, store, progress)
    weights = fitted.arrays()
    if learnt.projection is not None:
        weights |= {"projection.A": learnt.projection[0], "projection.B": learnt.projection[1]}
    facts = _facts(config, lessons, base, fitted) | {"metrics": metrics}
    found = write_labeller(out, config, facts, weights, learnt.history)
    shutil.rmtree(out / CHECKPOINTS)
    return found


def read_lessons(loaded: Loaded[TrainingConfig], path: Path) -> Lessons:
    """Codebooks and texts of a training file, checked; relative paths as of ``Loaded.beside``."""
    config = loaded.value
    books = [Codebook.load(codebook_of(loaded, number, path)) for number in range(len(config.codebooks))]
    axes = tuple(axis for book in books for axis in book.axes if axis.id not in config.leave_out)
    known = [axis.id for book in books for axis in book.axes]
    if doubled := sorted({name for name in known if known.count(name) > 1}):
        raise ConfigError(f"{path}: axis {', '.join(doubled)} is in several of the codebooks; each may be in one only")
    if unknown := [name for name in config.leave_out if name not in known]:
        raise ConfigError(f"{path}: leave_out names {', '.join(unknown)}; the codebooks have {', '.join(known)}")
    if not axes:
        raise ConfigError(f"{path}: leave_out names every axis of the codebooks; one at least must be learnt")
    indicators = [f"{axis.id}.{one.id}" for book in books for axis in book.axes for one in axis.indicators]
    if unknown := [name for name in config.expected_shares if name not in indicators]:
        hint = did_you_mean(unknown[0], indicators)
        raise ConfigError(f"{path}: expected_shares names {', '.join(unknown)}, no indicator of the codebooks.{hint}")
    texts = read_training_texts(_beside(loaded, "texts", config.texts, path), axes)
    out = kept_out(texts, config.calibration_share, config.natural_calibration_share, config.seed)
    if out.all() or not out.any():
        count = texts.table["company"].nunique()
        raise DataError(
            f"{path}: of {count:,} companies {'all' if out.any() else 'none'} were kept out for calibration "
            f"(calibration_share = {config.calibration_share}; companies with nearly one text go together), and "
            "some on both sides are needed; give more companies with texts of their own"
        )
    test = read_training_texts(_beside(loaded, "test", config.test, path), axes) if config.test else None
    if test is not None:
        refuse_leaks(companies_of(texts.table), companies_of(test.table))
    return Lessons(texts, axes, {book.id: book.version for book in books}, out, test)


def _beside(loaded: Loaded[TrainingConfig], key: str, names: Sequence[str], path: Path) -> list[Path]:
    return [loaded.beside(name, f"{key}.{number}", path) for number, name in enumerate(names)]


@dataclass(frozen=True, slots=True)
class Learnt:
    """A trained space: an encoder, with a map of its vectors in mode head."""

    encoder: SentenceEncoder
    projection: tuple[np.ndarray, np.ndarray] | None
    history: list[dict[str, Any]]


def learn_space(
    config: TrainingConfig,
    lessons: Lessons,
    base: SentenceEncoder,
    store: EmbeddingStore,
    identity: str,
    out: Path,
    progress: Progress,
) -> Learnt:
    """Train in the configured mode; in mode encoder the adapter is written to ``out/adapter``."""
    # torch and what needs it: seconds to import, and only training does.
    from chainbert.labelling.training.loop import Plan, Trainer  # noqa: PLC0415 - as above
    from chainbert.labelling.training.objective import Target  # noqa: PLC0415 - as above
    from chainbert.labelling.training.space import AdaptedTransformer, ProjectedVectors  # noqa: PLC0415 - as above

    table = lessons.texts.table
    texts = list(table["text"])
    anchors = []
    for axis in lessons.axes:
        for indicator in axis.indicators:
            ways = wordings(axis, indicator)
            rows = []
            for language in LANGUAGES:
                said = ways.get(language) or next(iter(ways.values()))
                rows.append(tuple(range(len(texts), len(texts) + len(said))))
                texts += said
            anchors.append(tuple(rows))
    answers = np.hstack([lessons.texts.answers(axis) for axis in lessons.axes])
    spoken = np.array([LANGUAGES.index(one) for one in table["language"]])
    target = Target.of(lessons.axes, answers, spoken, ~lessons.out)
    plan = Plan(
        target,
        tuple(np.flatnonzero(~lessons.out).tolist()),
        tuple(np.flatnonzero(lessons.out).tolist()),
        tuple(anchors),
    )
    checkpoints = out / CHECKPOINTS
    checkpoints.mkdir(parents=True, exist_ok=True)
    if config.mode == "head":
        vectors = embed_texts(base, texts, store, progress).vectors
        projected = ProjectedVectors(vectors, config.projection, config.seed)
        trainer = Trainer(projected, plan, config, identity, checkpoints)
        history = [asdict(epoch) for epoch in trainer.run(progress)]
        state = {name: value.numpy() for name, value in trainer.state().items()}
        return Learnt(base, (state["space.A"], state["space.B"]), history)
    adapted = AdaptedTransformer(base, texts, config.lora, config.seed)
    trainer = Trainer(adapted, plan, config, identity, checkpoints)
    history = [asdict(epoch) for epoch in trainer.run(progress)]
    adapted.save(out / ADAPTER)
    return Learnt(AdaptedEncoder(base, out / ADAPTER, config.name), None, history)


def fit_in_space(
    config: TrainingConfig, lessons: Lessons, learnt: Learnt, store: EmbeddingStore, progress: Progress
) -> tuple[Fitted, dict[str, Metrics]]:
    """Axis weights, calibration and gate on the vectors that labelling will see, and how good they are."""
    texts = list(lessons.texts.table["text"])
    phrases = sorted({phrase for axis in lessons.axes for phrase in lesson_of(axis).phrases})
    said = sorted({text for axis in lessons.axes for ways in description_phrases(axis) for text in ways})
    moved = _vectors(learnt, [*texts, *(text for _, text in phrases), *said], store, progress)
    vectors, taught, described = np.split(moved, [len(texts), len(texts) + len(phrases)])
    fitted = fit_all(
        lessons.texts,
        lessons.axes,
        vectors,
        dict(zip(phrases, taught, strict=True)),
        dict(zip(said, described, strict=True)),
        lessons.out,
        LANGUAGES,
        config.expected_shares,
        config.surprise,
    )
    judged = [(KEPT_OUT, lessons.texts, vectors, lessons.out)]
    if lessons.test is not None:
        unseen = _vectors(learnt, list(lessons.test.table["text"]), store, progress)
        judged.append((UNSEEN, lessons.test, unseen, np.ones(len(unseen), bool)))
    metrics = {}
    for title, some, rows, chosen in judged:
        language = some.table["language"].to_numpy(dtype=object)
        companies = bundle(some, lessons.axes, Sentences(list(some.table["text"]), language, rows), chosen, LANGUAGES)
        metrics[title] = measure(lessons.axes, fitted.axes, fitted.reference, companies, LANGUAGES)
    return fitted, metrics


def _vectors(learnt: Learnt, texts: list[str], store: EmbeddingStore, progress: Progress) -> np.ndarray:
    return Trained.moved(embed_texts(learnt.encoder, texts, store, progress).vectors, learnt.projection)


def _facts(config: TrainingConfig, lessons: Lessons, base: SentenceEncoder, fitted: Fitted) -> dict[str, Any]:
    """What the manifest tells of how it was trained."""
    return {
        "languages": list(LANGUAGES),
        "encoder": config.encoder,
        "fingerprints": [base.fingerprint],
        "relatives": list(config.relatives),
        "codebooks": lessons.codebooks,
        "axes": fitted.facts(),
        "texts": {Path(name).name: digest for name, digest in lessons.texts.sha256.items()},
        "sentences": {"trained": int((~lessons.out).sum()), "calibrated": int(lessons.out.sum())},
        "notes": list(lessons.texts.notes),
        "training": _training(lessons.texts),
    }


def _training(texts: TrainingTexts) -> dict[str, str]:
    """What tells a company that trained the labeller: its id, and its sentences as one text."""
    # The table is sorted by content; a company's text is its sentences as they stand in their file.
    places = texts.table["place"].str.rpartition(":").set_axis(["file", "colon", "line"], axis=1).astype({"line": int})
    companies = companies_of(texts.table.loc[places.sort_values(["file", "line"]).index])
    english = set(texts.table.loc[texts.table["language"] == "en", "company"])
    found: dict[str, str] = {}
    for name, text in zip(companies["id"], companies["text"], strict=True):
        whole = str(text).replace("\n", " " if name in english else "")
        found |= dict.fromkeys((f"id:{name}", f"text:{content_hash(whole)}"), TRAINED)
    return found
