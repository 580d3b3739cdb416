"""Cues: the dictionary part of a codebook."""

from __future__ import annotations

import numpy as np
import pytest

from chainbert.labelling import Cues, Indicator
from chainbert.labelling.cues import cue_flags

STATE = Indicator.model_validate(
    {
        "id": "state",
        "names": {"en": "State"},
        "description": {"en": "The state"},
        "examples": {"en": ["The state."]},
        "cues": {
            "zh": {"match": ["政府", "公安"], "unless": ["政府补贴"]},
            "en": {"match": [r"\bgovernments?\b", "police"], "unless": ["government award"]},
        },
    }
)
SILENT = STATE.model_copy(update={"cues": {}})


@pytest.mark.parametrize(
    ("text", "language", "flag"),
    [
        ("为政府服务", "zh", 1),
        ("获得政府补贴", "zh", 0),
        ("获得政府补贴，也为政府服务", "zh", 1),
        ("It serves Governments.", "en", 1),
        ("It won a government award.", "en", 0),
        ("A governmental body", "en", 0),
        ("政府", "en", 0),
        ("government y 政府", "other", 1),
        ("POLICE", "other", 1),
        ("", "zh", 0),
        ("政\x00府", "zh", 0),
    ],
)
def test_a_cue_is_searched_in_its_own_language_outside_what_is_blanked(text, language, flag):
    assert cue_flags([text], np.array([language]), [STATE]).tolist() == [[flag]]


def test_one_column_an_indicator_and_none_found_without_cues():
    flags = cue_flags(["政府", "none"], np.array(["zh", "en"]), [STATE, SILENT])
    assert flags.tolist() == [[1, 0], [0, 0]]


def test_no_sentences():
    assert cue_flags([], np.array([], dtype=object), [STATE]).shape == (0, 1)


def test_a_pattern_that_would_hang_other_engines_is_linear():
    slow = STATE.model_copy(update={"cues": {"en": Cues.model_validate({"match": ["(a+)+$"]})}})
    assert cue_flags(["a" * 200_000 + "b"], np.array(["en"]), [slow]).tolist() == [[0]]
