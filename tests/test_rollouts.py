"""What a run keeps of a step."""

import numpy as np
import pytest

from balcap.advantage.gates import find_gate
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers import find_normalizer
from balcap.advantage.rule import AdvantageRule
from balcap.config import DataSettings, ShapesSettings
from balcap.data import shapes
from balcap.heads import Head
from balcap.heads.lengths import ratios
from balcap.heads.registry import RESERVED
from balcap.heads.scoring import score
from balcap.runs.rollouts import Rollouts, Row, rows_of
from balcap.training.held_out import Band, judge
from balcap.types import Caption, Sample


class Length(Head):
    """Characters, by the hundred."""

    name = "length"
    range = (0.0, 1.0)

    def score(self, captions: list[Caption]) -> list[float]:
        return [len(caption.text) / 100 for caption in captions]


def captions() -> list[Caption]:
    known = Sample("known", "?", reference="four words are here")
    unknown = Sample("unknown", "?")
    return [Caption(known, "two words"), Caption(known, "x " * 12), Caption(unknown, "one", 7)]


def test_ratio_is_in_the_unit_asked_for_and_nan_without_a_reference() -> None:
    words = ratios(captions(), "words", len)
    assert words[:2].tolist() == [0.5, 3.0]  # 2 / 4 and 12 / 4
    assert np.isnan(words[2])
    assert ratios(captions(), "chars", len)[0] == 9 / 19
    assert ratios(captions(), "tokens", lambda text: len(text.split()))[1] == 3.0


def test_the_table_holds_raw_gated_and_credited_scores() -> None:
    rule = AdvantageRule(
        find_normalizer("dr_grpo")(), {"length": 1.0}, find_gate("zero")(), ("length",), (0.5, 2.0)
    )
    rows = rows_of(
        captions(), [0, 0, 1], score([Length()], captions()), "words", lambda t: len(t.split())
    )  # type: ignore[list-item]
    table = Rollouts.of(["length"], rows, rule).columns(step=3)
    assert table["step"] == [3, 3, 3]
    assert table["tokens"] == [2, 12, 7]  # counted, counted, and as the policy wrote it
    assert table["ratio"] == [0.5, 3.0, None]
    assert table["in_band"] == [True, False, True]
    assert table["length"] == pytest.approx([0.09, 0.24, 0.03])
    assert table["length.gated"] == pytest.approx([0.09, 0.0, 0.03])
    # dr_grpo: minus the group's mean of 0.045; the caption alone in its group gets 0
    assert table["length.credit"] == pytest.approx([0.045, -0.045, 0.0])
    assert table["advantage"] == pytest.approx([0.045, -0.045, 0.0])


def test_no_head_can_take_the_name_of_a_column_or_a_score() -> None:
    rule = AdvantageRule(find_normalizer("gdpo")(), {}, find_gate("none")(), (), (0.5, 2.0))
    row = Row("s", 0, "text", 1, 1, 1.0, (), ())
    matrix = RewardMatrix(np.zeros((1, 0)), np.zeros((1, 0)), np.array([0]), ())
    columns = Rollouts((), (row,), matrix, np.ones(1), rule(matrix, np.ones(1))).columns(1)
    _, samples = shapes.load(DataSettings(eval_samples=1, shapes=ShapesSettings(train=1)))
    summary = judge([Caption(samples[0], "A star.")], [], [], Band(0.5, 2.0, "words", len)).summary
    assert {*columns, *summary} == RESERVED
