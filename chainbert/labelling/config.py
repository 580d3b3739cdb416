"""Settings of the labelling stage."""

from __future__ import annotations

from pydantic import Field

from chainbert.yamlfile import Section

DEFAULT_LABELLER = "company-axes"


class LabellingConfig(Section):
    """Which codebook, which labeller, and when it should not decide."""

    codebook: str = "company-axes"
    """A codebook file, or a shipped codebook by name."""
    labeller: str = DEFAULT_LABELLER
    """A shipped labeller by name, the folder of one that ``chainbert train`` wrote, or nli:MODEL."""
    hand_codes: str | None = None
    """The filled sheet of ``chainbert sample``, or another file of hand codes of these companies: shares are corrected
    by them, and the page shows where the labeller is wrong. Nothing: none."""
    abstain_band: float = Field(default=0.1, ge=0, lt=0.5)
    """Probability: an axis abstains where an indicator is nearer to its threshold than this (single choice: where the
    two most probable values are nearer to each other than this)."""
