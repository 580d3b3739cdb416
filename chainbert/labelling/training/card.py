"""The card of a labeller: what it is, what it was trained on, how good it is, what it is not for."""

from __future__ import annotations

from typing import Any

from chainbert.labelling.training.measure import Metrics, mean_of

LIMITS = """\
- It reads what a text says. What a company leaves out, it cannot know: *unclear* is often the right answer.
- Probabilities are calibrated on {calibrated_on}. On companies of another kind they are marked
  *not transferable*; hand codes (`mode: hand-codes`) calibrate them anew.
- A count of its labels is not a share: correct it with an audit sample (`chainbert sample`, `chainbert shares`).
- Chinese and English only. A text in another language is read with whatever the encoder knows of it.
"""


def card_of(manifest: dict[str, Any], description: str) -> str:
    """The card as Markdown."""
    metrics = manifest["metrics"]
    parts = [f"# {manifest['name']}", "", description.strip(), ""]
    parts += ["## Recipe", "", *_recipe(manifest), ""]
    for title, what in metrics.items():
        parts += [f"## {title}", "", *_table(what), ""]
    parts += ["## Limits", "", LIMITS.format(calibrated_on=_calibrated_on(manifest))]
    return "\n".join(parts)


def _calibrated_on(manifest: dict[str, Any]) -> str:
    if "gold" in manifest:
        return f"the hand codes, out of fold, and those of axes without codes as in {manifest['start']['name']}"
    weighed = ", weighed to expected shares" if manifest["config"]["expected_shares"] else ""
    return f"texts written for training{weighed}"


def _recipe(manifest: dict[str, Any]) -> list[str]:
    config = manifest["config"]
    counts = manifest.get("sentences")
    lines = [
        f"- Encoder: `{manifest['encoder']}`, mode `{manifest['mode']}`.",
        f"- Codebooks: {', '.join(f'{name} ({version})' for name, version in manifest['codebooks'].items())}.",
    ]
    if counts:
        lines.append(
            f"- Sentences: {counts['trained']:,} for the weights, {counts['calibrated']:,} of other companies for "
            "early stopping and calibration."
        )
    if "gold" in manifest:
        count = manifest["gold"]["companies"]
        lines.append(f"- Adapted from {manifest['start']['name']} to {count:,} hand-coded companies.")
    lines.append(f"- Seed {config['seed']}; every setting stands in `manifest.json` under `config`.")
    lines += [f"- {note}" for note in manifest.get("notes", [])]
    return lines


def _table(metrics: Metrics) -> list[str]:
    rows = ["| | n | macro-F1 | zh | en |", "|---|---|---|---|---|"]
    for name, entry in metrics.items():
        numbers = " | ".join(_number(entry, key) for key in ("macro_f1", "zh", "en"))
        rows.append(f"| {name} | {entry['n']:,} | {numbers} |")
    means = {key: mean_of(metrics, key) for key in ("macro_f1", "zh", "en")}
    rows.append(f"| mean | | {_number(means, 'macro_f1')} | {_number(means, 'zh')} | {_number(means, 'en')} |")
    return rows


def _number(entry: dict[str, Any], key: str) -> str:
    return "–" if entry.get(key) is None else f"{entry[key]:.3f}"
