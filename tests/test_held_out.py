"""What is said of held-out captions."""

from collections.abc import Sequence

import pytest

from balcap.advantage.harmonic import harmonic_mean
from balcap.config import DataSettings, ShapesSettings
from balcap.data import shapes
from balcap.heads import Head
from balcap.training.held_out import Band, judge
from balcap.types import Caption, HeadScore, Sample, Unscored

BAND = Band(0.5, 2.0, "words", len)


def test_harmonic_mean() -> None:
    # 3 / (1/0.5 + 1/0.25 + 1/1) = 3 / 7
    assert harmonic_mean([0.5, 0.25, 1.0]) == pytest.approx(3 / 7)
    assert harmonic_mean([0.5, 0.0]) == 0.0
    assert harmonic_mean([0.5, None]) is None
    assert harmonic_mean([]) is None


class Half(Head):  # type: ignore[type-arg]
    """Scores every second caption."""

    name = "half"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [0.5 if "a" in caption.text else Unscored("no a") for caption in captions]


def test_means_say_how_many_captions_they_are_made_of() -> None:
    sample = Sample("s", "?", reference="a b")
    captions = [Caption(sample, "a"), Caption(sample, "b b b b b")]
    judged = judge(captions, [Half()], ["half"], BAND)
    assert judged.summary["half"] == 0.5
    assert judged.summary["scored"] == {"half": 1}
    assert judged.summary["harmonic_mean"] == 0.5
    assert judged.summary["words"] == 3.0
    assert judged.summary["gate_rate"] == 0.5  # 1/2 is in the band, 5/2 is not
    assert judged.rows()[1]["scores"] == {"half": None}
    assert judged.rows()[1]["measures"] == {"words": 5.0, "gate_rate": 0.0}
    assert judged.reasons == {"half": [None, "no a"]}
    assert "fact_recall" not in judged.summary


def test_references_of_shapes_are_fully_grounded() -> None:
    _, samples = shapes.load(DataSettings(eval_samples=10, shapes=ShapesSettings(train=1)))
    captions = [Caption(sample, sample.reference or "") for sample in samples]
    summary = judge(captions, [], [], BAND).summary
    for name in ("object_precision", "object_recall", "fact_precision", "fact_recall", "fact_f1"):
        assert summary[name] == 1.0


def test_precision_is_over_captions_that_claim_anything() -> None:
    _, samples = shapes.load(DataSettings(eval_samples=2, shapes=ShapesSettings(train=1)))
    captions = [Caption(samples[0], samples[0].reference or ""), Caption(samples[1], "Nice.")]
    summary = judge(captions, [], [], BAND).summary
    assert summary["fact_precision"] == 1.0
    assert summary["fact_recall"] == 0.5
    assert summary["fact_f1"] == 0.5  # 1 and 0: an F1 is known of every caption
