"""`balcap.integrations.trl` in TRL's own `GRPOTrainer`: what arrives is what balcap computes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from balcap.advantage.rule import AdvantageRule
from balcap.config import DataSettings, RewardSettings, ShapesSettings, TrainSettings
from balcap.data import shapes
from balcap.errors import UserError
from balcap.heads import Head
from balcap.heads.lengths import ratios
from balcap.heads.scoring import score
from balcap.integrations.trl import rewards_for
from balcap.policies.loading import for_training
from balcap.types import Caption, HeadScore, Sample, Unscored


class Spread(Head):  # type: ignore[type-arg]
    """Scores that are spread over [0, 1], the same for the same text; some are missing."""

    name = "spread"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        values = [zlib.crc32(caption.text.encode()) % 1000 for caption in captions]
        return [Unscored("a seventh") if v % 7 == 0 else v / 1000 for v in values]


class Other(Head):  # type: ignore[type-arg]
    """Scores that hang on the text in another way; none is missing."""

    name = "other"

    def score(self, captions: Sequence[Caption]) -> Sequence[HeadScore]:
        return [zlib.adler32(caption.text.encode()) % 97 / 97 for caption in captions]


HEADS = f"{__file__}:Spread=1,{__file__}:Other=0.5"


def settings(**given) -> RewardSettings:
    return RewardSettings(**{"rewards": HEADS, "gate_heads": "other", **given})


@pytest.mark.parametrize("normalizer", ["gdpo", "grpo", "dr_grpo"])
def test_the_advantages_in_trl_are_those_of_balcap(tmp_path: Path, normalizer: str) -> None:
    """One real step on pictures: 16 captions in groups of 4, gated, some cells without a score.

    TRL adds 1e-4 to deviations of about 0.3 and counts in float32: at most a few parts in 1000.
    """
    chosen = settings(normalizer=normalizer)
    rewards = rewards_for(chosen)
    train, _ = shapes.load(DataSettings(eval_samples=0, shapes=ShapesSettings(train=4)))
    words = (6, 100, 6, 100)  # for captions of at most 12 tokens: some in the band, some not
    samples = [
        replace(sample, reference="ball " * count)
        for sample, count in zip(train, words, strict=True)
    ]
    policy = for_training(TrainSettings().resolved())
    rows = [
        {
            "id": s.id,
            "reference": s.reference,
            "prompt": [{"role": "user", "content": s.prompt}],
            "image": s.open_image(),
        }
        for s in samples
    ]
    seen: dict[str, Any] = {}

    def spread(**batch: Any) -> list[float | None]:
        seen.update(batch)
        return rewards.functions[0](**batch)

    trainer = GRPOTrainer(
        model=policy.model,
        reward_funcs=[spread, rewards.functions[1]],
        args=GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=16,
            num_generations=4,
            max_steps=1,
            max_completion_length=12,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
            bf16=False,
            **rewards.arguments,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=policy.processor,
    )
    trainer.train()

    logs, by_id = trainer._logs, {sample.id: sample for sample in samples}
    assert list(logs["rewards"]) == ["spread", "other"]
    captions = [
        Caption(by_id[name], turns[-1]["content"].strip())
        for name, turns in zip(seen["id"], seen["completions"], strict=True)
    ]
    heads = [Spread(), Other()]
    matrix = score(heads, captions).matrix
    ratio = ratios(captions, "words", len)
    rule = AdvantageRule.of(chosen, {"spread": 1.0, "other": 0.5})
    credit = rule(matrix, ratio)
    assert not credit.in_band.all()  # the gate acts ...
    assert credit.in_band.any()  # ... and not everywhere
    assert not matrix.scored.all()
    np.testing.assert_allclose(logs["advantages"], credit.advantage, rtol=5e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"normalizer": "gd2po"}, "normalizer is 'gd2po', which TRL does not have"),
        ({"gate": "post"}, "gate is 'post', which changes scores after they are normalised"),
        ({"length_unit": "tokens"}, "length_unit is tokens"),
    ],
)
def test_what_trl_cannot_do_is_refused(given, words) -> None:
    with pytest.raises(UserError, match=words):
        rewards_for(settings(**given))


def test_the_gate_acts_and_a_missing_score_is_none() -> None:
    """One word against a reference of four is a ratio of 0.25, out of the band of 0.5 to 2."""
    row = {"id": ["a"], "reference": ["a red small ball"], "trainer_state": object()}
    text = "balls"
    for gate, expected in {
        "zero": [0.0],
        "exclude": [None],
        "none": Other().score([_said(text)]),
    }.items():
        other = rewards_for(settings(gate=gate)).functions[1]
        assert other(prompts=[""], completions=[text], **row) == expected


def test_a_data_set_without_ids_is_told_apart_from_one_that_scores_0() -> None:
    function = rewards_for(settings()).functions[0]
    with pytest.raises(UserError, match="no column 'id'"):
        function(prompts=[""], completions=["a ball"], reference=["a ball"])


def _said(text: str) -> Caption:
    return Caption(Sample("a", ""), text)
