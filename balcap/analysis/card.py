"""What should somebody know who finds this model? A model card, made from what a run wrote down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import balcap
from balcap.analysis.frames import config_of, json_of
from balcap.runs.changes import HARMONIC_MEAN, change_of, heads_of_harmonic_mean, with_changes
from balcap.runs.folder import RunFolder
from balcap.runs.provenance import starts

SOURCES = {
    "gdpo": "[GDPO](https://arxiv.org/abs/2601.05242)",
    "grpo": "[GRPO](https://arxiv.org/abs/2402.03300)",
}
TAGS = ("image-captioning", "reinforcement-learning", "grpo", "balcap")


def model_card(
    run: RunFolder, *, adapter: bool, licence: str | None = None, step: int | None = None
) -> str:
    """The README.md of a model, as the hub reads it.

    Args:
        run: the model's; unfinished ones are fine, their scores are those that there are.
        adapter: whether the weights are adapters alone.
        licence: of the model; None: the card says that it is not settled.
        step: of the weights; None: of the run as it stands.
    """
    config = config_of(run)
    summary = json_of(run.summary)
    parts = [
        _front_matter(config, adapter, licence),
        f"# {run.path.name}",
        _what(config, summary, step),
        _use(adapter),
        _rewards(config),
        _scores(config, summary, json_of(run.captions)),
        _probe(run.path / "probe" / "probe.json"),
        _data(config),
        _made(run),
        _licence(config, licence),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(config: Mapping[str, Any], adapter: bool, licence: str | None) -> str:
    content: dict[str, Any] = {
        "pipeline_tag": "image-text-to-text",
        "library_name": "peft" if adapter else "transformers",
        "tags": list(TAGS),
    }
    base = str(config.get("policy", ""))
    if _on_the_hub(base):
        content["base_model"] = base
    if licence:
        content["license"] = licence
    return f"---\n{yaml.safe_dump(content, sort_keys=False)}---"


def _on_the_hub(policy: str) -> bool:
    return policy.count("/") == 1 and not policy.startswith((".", "/", "~")) and " " not in policy


def _what(config: Mapping[str, Any], summary: Mapping[str, Any], step: int | None) -> str:
    rule = str(config.get("normalizer", "grpo"))
    done, all_of_it = step or summary.get("steps") or 0, config.get("steps")
    trained = f"{done} steps" if done == all_of_it else f"{done} of {all_of_it} steps"
    lora = (config.get("lora") or {}).get("rank")
    how = f"LoRA adapters of rank {lora}" if lora else "all weights"
    return (
        f"An image captioner: `{config.get('policy')}`, trained for {trained} by reinforcement "
        f"learning with several rewards ({SOURCES.get(rule, rule)}; {how}), with "
        f"balcap {balcap.__version__}."
    )


def _use(adapter: bool) -> str:
    load = "model = AutoModelForImageTextToText.from_pretrained({})"
    if adapter:
        load = load.format("BASE") + "\nmodel = PeftModel.from_pretrained(model, HERE)"
        load = f"from peft import PeftModel\n{load}"
    return f"""## Use

```python
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig
{load.format("HERE")}
processor = AutoProcessor.from_pretrained(HERE)
decoding = GenerationConfig.from_pretrained(HERE)
content = [{{"type": "image", "image": IMAGE}}, {{"type": "text", "text": PROMPT}}]
inputs = processor.apply_chat_template(
    [{{"role": "user", "content": content}}],
    add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
)
written = model.generate(**inputs, generation_config=decoding)[0, inputs["input_ids"].shape[1]:]
print(processor.decode(written, skip_special_tokens=True))
```

`generation_config.json` holds greedy decoding, with the longest caption and the penalties of the
training; what else the base had there is left out."""


def _rewards(config: Mapping[str, Any]) -> str:
    low, high, unit = (config.get(k) for k in ("gate_low", "gate_high", "length_unit"))
    gate = config.get("gate")
    band = "" if gate == "none" else f" (ratio to the reference in [{low}, {high}], in {unit})"
    lines = [
        "## Rewards",
        "",
        "| | |",
        "|---|---|",
        f"| rewards | `{config.get('rewards')}` |",
        f"| weights | `{json.dumps(config.get('weights') or {})}` |",
        f"| normaliser | `{config.get('normalizer')}` |",
        f"| length gate | `{gate}`{band} |",
        f"| prompt | {config.get('prompt')} |",
    ]
    return "\n".join(lines)


def _scores(
    config: Mapping[str, Any], summary: Mapping[str, Any], captions: Mapping[str, Any]
) -> str:
    """Before and after on the held-out samples, with paired intervals of the change."""
    if "before" not in summary or "after" not in summary:
        return "## Scores\n\nThe run was not evaluated after training: it has no scores yet."
    before, after = summary["before"], summary["after"]
    balanced = heads_of_harmonic_mean(summary, config)
    summary = with_changes(summary, captions, balanced)
    lines = [
        "## Scores",
        "",
        f"{after.get('captions', len(captions.get('after', [])))} held-out samples, captions drawn "
        "as in training. The interval is that of the change, paired by sample (bootstrap, 95%). "
        f"The harmonic mean is that of {', '.join(balanced)}.",
        "",
        "| | before | after | change |",
        "|---|---|---|---|",
    ]
    for name in (*before.get("scored", {}), HARMONIC_MEAN, "words", "gate_rate"):
        old, new = before.get(name), after.get(name)
        change, ends = change_of(summary, name)
        if old is not None and new is not None and change is not None:
            sure = f" [{ends[0]:+.3f}, {ends[1]:+.3f}]" if ends else ""
            lines.append(f"| {name} | {old:.3f} | {new:.3f} | {change:+.3f}{sure} |")
    return "\n".join(lines)


def _probe(file: Path) -> str:
    """How gameable the rewards proved, where `balcap probe --out RUN/probe` was run."""
    attacks = json_of(file).get("attacks", [])
    if not attacks:
        return ""
    wins = [str(one["attack"]) for one in attacks if one["wins"]]
    told = f"these win: {', '.join(wins)}" if wins else "none of them wins"
    return f"## Probe\n\n{len(attacks)} attacks on the rewards (`balcap probe`): {told}."


def _data(config: Mapping[str, Any]) -> str:
    return (
        f"## Data\n\nTrained on `{config.get('data')}` (seed {config.get('seed')}); "
        f"{config.get('eval_samples')} samples were asked to be held out. Whoever publishes this "
        "model names the data's source and licence here."
    )


def _made(run: RunFolder) -> str:
    known = starts(run)
    git = (known[-1].get("git") or {}) if known else {}
    commit = git.get("commit")
    state = f", balcap's code at commit `{commit}`" if commit else ""
    state += " with uncommitted changes" if git.get("diff") else ""
    return (
        f"## How it was made\n\nThe run's settings are in `training.yaml`{state}: "
        "`balcap train --config training.yaml` repeats the run."
    )


def _licence(config: Mapping[str, Any], licence: str | None) -> str:
    if licence:
        return f"## Licence\n\n{licence}, as given by whoever exported the model."
    return (
        f"## Licence\n\nNot settled: it follows from those of `{config.get('policy')}` and of the "
        "data, which balcap does not know."
    )
