"""How long a caption is, beside its reference."""

import numpy as np
import pytest

from balcap.data.requirements import has
from balcap.heads.lengths import Unit, ratios
from balcap.types import Caption, Sample

REFERENCE = "一只棕色的狗在草地上奔跑。"  # 12 characters and a stop


def ratio(text: str, reference: str | None, unit: Unit = "words") -> float:
    sample = Sample(id="s", prompt="p", reference=reference)
    return float(ratios([Caption(sample, text)], unit, lambda text: len(text.split()))[0])


def test_a_chinese_caption_is_as_long_as_it_is() -> None:
    assert ratio(REFERENCE, REFERENCE) == 1.0
    assert ratio(REFERENCE * 6, REFERENCE) == 6.0
    assert ratio("狗", REFERENCE) == pytest.approx(1 / 12)


def test_an_english_caption_is_as_long_as_before() -> None:
    assert ratio("A dog , here.", "One two.") == 2.0  # four pieces of two


@pytest.mark.parametrize("unit", ["words", "tokens", "chars"])
@pytest.mark.parametrize("blank", [None, "", " ", "\n\t"])
def test_a_blank_reference_is_none(unit: Unit, blank: str | None) -> None:
    assert np.isnan(ratio("A dog.", blank, unit))
    assert not has(Sample(id="s", prompt="p", reference=blank), "reference")
