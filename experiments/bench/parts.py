"""A laptop's step in parts: writing, sentences, grammar; each as balcap does it and as it comes.

    python experiments/bench/parts.py [--captions 32] [--rounds 5]

- writing: sampled captions of the embedded policies, eight a scene, by transformers' loop and by
  that of `balcap.policies.small`, which writes the same tokens (it is checked);
- sentences: the clauses of those captions by all-MiniLM-L6-v2, by length and in one pass;
- grammar: Harper, caption after caption and on all cores.

The first two have one thread. Seconds of the wall; the fastest of the rounds, in turns, counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping

import torch

from balcap.config import DataSettings, ModelSettings, SamplingSettings, ShapesSettings
from balcap.console import say, table
from balcap.cores import cores
from balcap.data import shapes
from balcap.heads.engines import embedding, packing
from balcap.heads.engines.harper import lint_all, lint_kinds
from balcap.policies import Policy, load
from balcap.policies.generation import Sampling, chat
from balcap.policies.images import read_image
from balcap.text import clauses

GROUP = 8
TINY = ("tiny-qwen2.5-vl", "tiny-llava-1.5")
Ways = Mapping[str, Callable[[], object]]


def writing(policy: Policy, captions: int) -> tuple[Ways, list[str]]:
    """The two ways to write captions, and the texts that both give."""
    scenes, _ = shapes.load(
        DataSettings(eval_samples=0, shapes=ShapesSettings(train=-(-captions // GROUP)))
    )
    samples = [scene for scene in scenes for _ in range(GROUP)][:captions]
    inputs = policy.processor.apply_chat_template(
        [chat(sample, read_image(sample, policy.family)) for sample in samples],
        add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
        processor_kwargs={"padding": True},
    )  # fmt: skip
    config = Sampling(SamplingSettings(temperature=1.0), 96).generation_config(policy)

    def theirs() -> torch.Tensor:
        torch.manual_seed(0)
        return type(policy.model).generate(policy.model, **inputs, generation_config=config)

    def own() -> torch.Tensor:
        torch.manual_seed(0)
        return policy.model.generate(**inputs, generation_config=config)

    tokens = own()
    if not torch.equal(tokens, theirs()):
        raise SystemExit("the two loops wrote different tokens")
    written = tokens[:, inputs["input_ids"].shape[1] :]
    texts = policy.processor.tokenizer.batch_decode(written, skip_special_tokens=True)
    return {"as it comes": theirs, "balcap": own}, texts


def sentences(texts: list[str]) -> Ways:
    """The two ways to embed the clauses of captions."""
    said = list(dict.fromkeys(clause for text in texts for clause in clauses(text)))
    encoder = embedding.load_encoder("auto", "cpu")
    tokens = encoder.tokenizer(said, truncation=True, max_length=embedding.MAX_TOKENS)["input_ids"]
    model = encoder[0].auto_model

    def by_length() -> None:
        model.set_attn_implementation("sdpa")
        list(embedding.of_one_length(encoder, said, tokens))

    def packed() -> None:
        model.set_attn_implementation(packing.ATTENTION)
        list(packing.passes(encoder, said, tokens))

    return {"as it comes": by_length, "balcap": packed}


def grammar(texts: list[str]) -> Ways:
    """The two ways to check captions; nothing is remembered of the round before."""

    def one_by_one() -> None:
        lint_kinds.cache_clear()
        for text in texts:
            lint_kinds(text, spelling=False)

    def all_cores() -> None:
        lint_kinds.cache_clear()
        lint_all(texts, spelling=False)

    return {"as it comes": one_by_one, "balcap": all_cores}


def seconds(ways: Ways, rounds: int) -> dict[str, float]:
    """The fastest of so many rounds, in turns, after one that is not counted."""
    best = dict.fromkeys(ways, float("inf"))
    for number in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if number:
                best[name] = min(best[name], time.perf_counter() - began)
    return best


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--captions", type=int, default=32)
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    parts: dict[str, Ways] = {}
    texts: list[str] = []
    for name in TINY:
        parts[f"writing, {name}"], texts = writing(load(ModelSettings(policy=name)), asked.captions)
    parts |= {"sentences": sentences(texts), f"grammar, {cores()} cores": grammar(texts)}
    rows = []
    torch.set_num_threads(1)
    for part, ways in parts.items():
        took = seconds(ways, asked.rounds)
        row = {"part": part} | {way: f"{1000 * each:.0f} ms" for way, each in took.items()}
        rows.append(row | {"ratio": f"{took['balcap'] / took['as it comes']:.2f}"})
    say(table(rows))
    say(f"{asked.captions} captions, the fastest of {asked.rounds} rounds")


if __name__ == "__main__":
    main()
