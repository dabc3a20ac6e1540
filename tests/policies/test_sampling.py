"""Rollouts, evaluations and `balcap caption` draw by one and the same configuration."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from balcap.cli import main
from balcap.config import SamplingSettings, TrainSettings
from balcap.policies.generation import Sampling, chat, write_captions
from balcap.policies.small.rows import distinct
from balcap.training.grpo import CaptionTrainer
from helpers.heads import Brief, Letters
from helpers.trainer import make

FAMILIES = ("qwen2.5-vl", "llava-1.5")
TRAPS = {
    "do_sample": True, "temperature": 0.1, "top_k": 3, "top_p": 0.4, "min_p": 0.3, "typical_p": 0.5,
    "epsilon_cutoff": 0.1, "eta_cutoff": 0.1, "repetition_penalty": 1.5, "min_new_tokens": 5,
    "no_repeat_ngram_size": 2, "length_penalty": 3.0, "encoder_repetition_penalty": 1.4,
    "bad_words_ids": [[9]], "begin_suppress_tokens": [11], "suppress_tokens": [12, 13],
    "forced_eos_token_id": 2, "exponential_decay_length_penalty": [2, 1.3],
    "max_length": 3000, "renormalize_logits": True,
}  # fmt: skip
SET = {
    "temperature": 0.7, "top_p": 0.9, "top_k": 20, "min_p": 0.01, "repetition_penalty": 1.2,
    "no_repeat_ngram": 3, "min_new_tokens": 2,
}  # fmt: skip
END = 17  # a second token that ends a caption, which is the one thing that is the model's to say


@pytest.fixture(params=FAMILIES)
def trapped(
    request: pytest.FixtureRequest, fresh_policies: dict[str, Path], tmp_path: Path
) -> Path:
    """A policy whose generation_config.json is full of habits."""
    folder = shutil.copytree(fresh_policies[request.param], tmp_path / "policy")
    file = folder / "generation_config.json"
    own = json.loads(file.read_text())
    file.write_text(json.dumps(own | TRAPS | {"eos_token_id": [own["eos_token_id"], END]}))
    return folder


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Of each call of `generate`: its inputs, effective configuration, seed state and tokens."""
    from transformers import GenerationMixin

    calls: list[dict[str, Any]] = []
    prepare, generate = GenerationMixin._prepare_generation_config, GenerationMixin.generate

    def prepared(self: Any, *args: Any, **more: Any) -> Any:
        config, rest = prepare(self, *args, **more)
        calls[-1]["config"] = config.to_dict()
        return config, rest

    def generated(self: Any, *args: Any, **more: Any) -> Any:
        tensors = {name: value for name, value in more.items() if torch.is_tensor(value)}
        calls.append({"inputs": tensors, "state": torch.get_rng_state()})
        calls[-1]["tokens"] = generate(self, *args, **more)
        return calls[-1]["tokens"]

    monkeypatch.setattr(GenerationMixin, "_prepare_generation_config", prepared)
    monkeypatch.setattr(GenerationMixin, "generate", generated)
    return calls


def rolled_out(policy: Path, folder: Path, **settings: Any) -> CaptionTrainer:
    """A trainer that has written one batch of rollouts."""
    trainer = make(policy, folder, [Letters(), Brief()], **settings)
    rows: Iterator[Any] = iter(trainer.get_train_dataloader())
    trainer._generate_and_score_completions(next(rows))
    return trainer


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = {*one, *other}
    pairs = {name: (one.get(name), other.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("settings", [{}, SET], ids=["default", "set"])
def test_rollouts_and_evaluations_have_equal_configurations(
    trapped: Path, tmp_path: Path, drawn: list[dict[str, Any]], settings: dict[str, Any]
) -> None:
    trainer = rolled_out(trapped, tmp_path / "run", **settings)
    chosen = TrainSettings(policy=str(trapped), max_tokens=6, **settings).resolved()
    with trainer.writer() as policy:
        sampling = Sampling.of(replace(chosen, eval_batch=2))
        list(write_captions(policy, trainer.samples[:2], sampling))
    rollout, evaluation = drawn
    assert differences(rollout["config"], evaluation["config"]) == {}
    found = evaluation["config"]
    assert END in found["eos_token_id"]
    assert found["temperature"] == settings.get("temperature", 1.0)
    assert found["repetition_penalty"] == settings.get("repetition_penalty", 1.0)
    assert (found["no_repeat_ngram_size"] or 0) == settings.get("no_repeat_ngram", 0)


def test_sampled_captions_are_rollouts_token_for_token(
    trapped: Path, tmp_path: Path, drawn: list[dict[str, Any]]
) -> None:
    """One row a sample, from the same random state: the very tokens that TRL drew."""
    trainer = rolled_out(trapped, tmp_path / "run")
    (rollout,) = drawn
    chosen = replace(TrainSettings(policy=str(trapped), max_tokens=6).resolved(), eval_batch=4)
    with trainer.writer() as policy:
        policy.model.eval()
        rows = policy.processor.apply_chat_template(
            [chat(s := trainer.samples[row], s.open_image()) for row in _first_rows(trainer)],
            add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
            processor_kwargs={"padding": True},
        )  # fmt: skip
        few, _ = distinct(rows)  # a group's prompt is read once
        assert torch.equal(few["input_ids"], rollout["inputs"]["input_ids"])
        torch.set_rng_state(rollout["state"])
        config = Sampling.of(chosen).generation_config(policy)
        with torch.no_grad():
            tokens = policy.model.generate(**rows, generation_config=config)
    assert torch.equal(tokens, rollout["tokens"])


def _first_rows(trainer: CaptionTrainer) -> list[int]:
    return [row["row"] for row in next(iter(trainer.get_train_dataloader()))]


def test_balcap_caption_draws_as_it_is_told(
    trapped: Path, tmp_path: Path, drawn: list[dict[str, Any]]
) -> None:
    from PIL import Image

    Image.new("RGB", (60, 60), "red").save(tmp_path / "red.png")
    words = ["caption", "--policy", str(trapped), str(tmp_path / "red.png"), "--max-tokens", "4"]
    assert main(words) == 0
    assert main([*words, "--temperature", "0.5", "--top-k", "7"]) == 0
    greedy, sampled = (call["config"] for call in drawn)
    assert (greedy["do_sample"], greedy["repetition_penalty"]) == (False, 1.0)
    assert not greedy["min_new_tokens"]
    assert (sampled["temperature"], sampled["top_k"], sampled["top_p"]) == (0.5, 7, 1.0)


def test_what_bends_the_draw_is_named() -> None:
    assert SamplingSettings(temperature=0.3).reshaped_by == ()
    assert SamplingSettings(top_k=5, repetition_penalty=1.1).reshaped_by == (
        "top_k", "repetition_penalty",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "setting"),
    [
        ("top_k", "top_k"),
        ("repetition_penalty", "repetition_penalty"),
        ("generation_kwargs", "no_repeat_ngram"),
    ],
)
def test_sampling_is_not_set_behind_the_evaluations_back(
    field: str, setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", f"--trl.{field}", "3"]) == 2
    message = capsys.readouterr().err
    assert f"trl.{field} is set by balcap" in message
    assert setting in message
