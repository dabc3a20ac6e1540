"""`balcap train --dry-run`: one batch is written and scored, nothing is trained or kept."""

from __future__ import annotations

from balcap.console import number, say, table
from balcap.heads.scoring import score
from balcap.logging import quiet
from balcap.policies import load_to_write
from balcap.policies.generation import Sampling, write_captions
from balcap.runs.metrics import step_metrics
from balcap.runs.rollouts import Rollouts, rows_of
from balcap.training.image_reader import ImageReader
from balcap.training.preflight import Plan


def dry_run(plan: Plan) -> None:
    """Print what the first step's metrics would be."""
    settings = plan.settings
    quiet()
    policy = load_to_write(settings)
    groups = [row // settings.group_size for row in range(settings.batch)]
    train = plan.loaded.train
    images = ImageReader(train, policy.family, settings.max_bad)
    usable = [images.open(group)[0] for group in range(settings.batch // settings.group_size)]
    samples = [train[usable[group]] for group in groups]
    captions = list(write_captions(policy, samples, Sampling.of(settings)))
    scored = score(plan.trained, captions)

    def count_tokens(text: str) -> int:
        return len(policy.processor.tokenizer(text, add_special_tokens=False)["input_ids"])

    rows = rows_of(captions, groups, scored, settings.length_unit, count_tokens)
    rollouts = Rollouts.of([head.name for head in plan.trained], rows, plan.rule, scored.usage)
    seconds = {f"score/{name}": took for name, took in scored.seconds.items()}
    metrics = step_metrics(rollouts, seconds)
    say(table([{"metric": name, "value": number(value)} for name, value in metrics.items()]))
    say(f"\nfirst caption: {captions[0].text}")
    say("dry run: everything checked, one batch scored, nothing trained, nothing written")
