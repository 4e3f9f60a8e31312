"""Every exclusion and caution has a sentence that can be filled, and is used."""

from __future__ import annotations

import pytest

from osteo_core.outcomes import Caution, CautionCode, Exclusion, ExclusionCode
from osteo_core.terms import Step
from tests.house.sources import sources

CODE = "\n".join(path.read_text(encoding="utf-8") for name, path in sources() if name != "osteo_core.outcomes")


@pytest.mark.parametrize("code", ExclusionCode)
def test_every_exclusion_has_a_sentence_and_is_used(code: ExclusionCode) -> None:
    sentence = Exclusion(code=code, step=Step.MEASURE, found="5 mm", limit="3 mm").sentence
    assert "{" not in sentence
    assert sentence.endswith(".")
    assert f"ExclusionCode.{code.name}" in CODE


@pytest.mark.parametrize("code", CautionCode)
def test_every_caution_has_a_sentence_and_is_used(code: CautionCode) -> None:
    sentence = Caution(code=code, step=Step.MEASURE, found="5 mm", limit="3 mm").sentence
    assert "{" not in sentence
    assert sentence.endswith(".")
    assert f"CautionCode.{code.name}" in CODE
