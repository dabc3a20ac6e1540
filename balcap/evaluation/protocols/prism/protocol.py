"""What can be answered from captions that are drawn several times? Prism, as CapRL evaluates by it.

A policy writes several captions of an image (4, at temperature 1); a text-only judge answers each
question of the image from each caption alone, at temperature 1, with reasoning. Re-implemented from
the protocol (arXiv 2509.22647); the prompts are ours.

- `score`: 100 x mean over questions of the mean over captions. `best_of_n`: of the best caption.
- How an answer is marked: `scoring`. What the reader leaves without a final answer, as when
  it is cut off in its reasoning, is wrong, as published, and counted in `unparsable_frac`.
- A question that the judge did not answer for one of the captions has no score at all: a mean over
  fewer captions, or a 0 for the lost one, would be another number.
- `as_published`, with `strict_compat`: what the program of CapRL's authors makes of the same
  answers. It marks more narrowly here and more widely there (`as_published.py` says where).
- CapRL's answering model was trained as its reward model was: Prism favours what CapRL rewards.

A file of captions may have any number of them for an image; `best_of_n` rises with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float
from balcap.errors import JudgeError
from balcap.evaluation.harness.dataset import find_image, read_dataset
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.harness.training_judge import same_model
from balcap.evaluation.protocol import (
    NO_CAPTION,
    Captions,
    EvalProtocol,
    Items,
    Record,
    first_failure,
)
from balcap.evaluation.protocols.prism import math_answers
from balcap.evaluation.protocols.prism.as_published import rule_for
from balcap.evaluation.protocols.prism.command import PrismSettings
from balcap.evaluation.protocols.prism.marking import PrismQuestion, records_of
from balcap.evaluation.protocols.prism.rows import PrismRow, read_rows
from balcap.evaluation.protocols.prism.scoring import Scorer, scorer_for
from balcap.judges.judge import Judge
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.statistics import interval, point
from balcap.types import Sample

PUBLISHED_CAPTIONS = 4


class Prism(EvalProtocol[PrismSettings, PrismQuestion]):
    """The protocol; see the top of this file."""

    name = "prism"
    plural = "questions"
    metric = "100 x mean accuracy over captions and questions"
    own_judge = "CapRL-Eval-3B"
    several = True

    def __init__(self, settings: PrismSettings, judge: Judge | None = None) -> None:
        super().__init__(settings, judge)
        self.draws = settings.gen_num
        self.prompt = Prompt.read(Path(__file__).parent / "prompts" / "prism_answer.txt")
        rows = read_rows(read_dataset(settings.data), settings.data)
        images = list(dict.fromkeys(row.sample for row in rows))[: settings.limit]
        self.rows = [row for row in rows if row.sample in set(images)]
        if any(self._scorer(row) == "math" for row in self.rows if not row.problem):
            math_answers.check_installed(
                "this data, marked as mathematics,", "choose another way with --scorer relaxed"
            )
        if settings.strict_compat:
            math_answers.check_installed("--strict-compat", "leave it out")
        self._captions_each: list[int] = []

    @property
    def prompts(self) -> Sequence[Prompt]:
        """The one prompt."""
        return (self.prompt,)

    @property
    def deviations(self) -> Sequence[str]:
        """The judge, the number of captions, and that the published sets' sizes are not known."""
        model = self.settings.judge.model or self.judge.name
        judged = (
            []
            if same_model(model, self.own_judge)
            else [f"judged by {model}, not {self.own_judge}"]
        )
        counts = sorted({*self._captions_each} - {PUBLISHED_CAPTIONS})
        drawn = [f"{count} captions an image, not {PUBLISHED_CAPTIONS}" for count in counts]
        marked = "marked by balcap's rules: " + (
            "the published ones make `as_published`"
            if self.settings.strict_compat
            else "--strict-compat adds the published ones"
        )
        return [*judged, *drawn, marked, "balcap has no record of the questions that papers asked"]

    def _scorer(self, row: PrismRow) -> Scorer:
        chosen = self.settings.scorer
        if chosen != "auto":
            return chosen
        return scorer_for(Path(self.settings.data).name, row.answers)

    def samples(self) -> Sequence[Sample]:
        """The images."""
        settings = self.settings
        images = {row.sample: row.image for row in self.rows if not row.problem}
        return [
            Sample(
                id=name,
                prompt=settings.prompt,
                image=find_image(image, settings.data, settings.image_root)
                if settings.policy
                else None,
            )
            for name, image in images.items()
        ]

    def items(self, captions: Captions) -> Items[PrismQuestion]:
        """The questions of all captioned images."""
        left_out: Counter[str] = Counter()
        numbers: Counter[str] = Counter()
        ready = []
        for row in self.rows:
            number, numbers[row.sample] = numbers[row.sample], numbers[row.sample] + 1
            if reason := row.problem or ("" if row.sample in captions else NO_CAPTION):
                left_out[reason] += 1
                continue
            ready.append(
                PrismQuestion(
                    id=f"{row.sample}#{number}", sample=row.sample, captions=captions[row.sample],
                    question=row.text, answers=row.answers, truth=row.truth,
                    scorer=self._scorer(row),
                )
            )  # fmt: skip
        self._captions_each = [len(item.captions) for item in ready]
        return Items(ready, left_out)

    async def assess(self, items: Sequence[PrismQuestion]) -> Sequence[Record | JudgeError]:
        """Ask every question once a caption."""
        outcomes = iter(
            await self.judge.ask([request for item in items for request in self._asks(item)])
        )
        heard = [[next(outcomes) for _ in item.captions] for item in items]
        failures = [first_failure(each) for each in heard]
        whole = [
            (item, [one.text for one in each if isinstance(one, JudgeResponse)])
            for item, each, failure in zip(items, heard, failures, strict=True)
            if failure is None
        ]
        rule = rule_for(self.settings.data) if self.settings.strict_compat else None
        records = iter(await records_of(whole, rule))
        return [failure or next(records) for failure in failures]

    def _asks(self, item: PrismQuestion) -> list[JudgeRequest]:
        """A question to each caption; two captions that read alike are two draws."""
        settings = self.settings
        return [
            JudgeRequest.of(
                self.prompt.fill(caption=quoted(caption), question=item.question),
                max_tokens=settings.answer_tokens,
                temperature=settings.answer_temperature,
                draw=draw if settings.answer_temperature else 0,
            )
            for draw, caption in enumerate(item.captions)
        ]

    def extra_summary(self, records: Sequence[Record]) -> dict[str, Any]:
        """The best of n with its interval, how the answers were read, and what the published
        program makes of them."""
        scored = [record for record in records if record.score is not None]
        read = [answer for record in scored for answer in record.detail["read"]]
        ours = self._totals(scored, "scores")
        return {
            "best_of_n": ours["best_of_n"],
            "best_of_n_interval": ours["best_of_n_interval"],
            "captions_per_image": dict(Counter(len(r.detail["scores"]) for r in scored)),
            "unparsable_frac": _share_of_none(read),
            "scorers": dict(Counter(record.detail["scorer"] for record in scored)),
            **({"as_published": self._as_published(scored)} if self.settings.strict_compat else {}),
        }

    def _as_published(self, scored: Sequence[Record]) -> dict[str, Any]:
        tagged = [answer for record in scored for answer in record.detail["tagged"]]
        return {
            **self._totals(scored, "published"),
            "rule": rule_for(self.settings.data),
            "untagged_frac": _share_of_none(tagged),
        }

    def _totals(self, scored: Sequence[Record], marks: str) -> dict[str, Any]:
        """Mean over captions and best of them, each with its interval."""
        samples = [record.sample for record in scored]
        totals: dict[str, Any] = {}
        for name, over_captions in (("score", np.mean), ("best_of_n", np.max)):
            values = np.array([[over_captions(r.detail[marks])] for r in scored]).reshape(-1, 1)
            totals[name] = point(values, _percent)
            totals[f"{name}_interval"] = interval(values, samples, _percent, self.settings.seed)
        return totals

    def report_lines(self, summary: Mapping[str, Any]) -> Sequence[str]:
        """The best of n, and what is as published."""
        if summary["best_of_n"] is None:
            return []
        lines = [f"best of an image's captions: {_shown(summary, 'best_of_n')}"]
        if published := summary.get("as_published"):
            lines.append(
                f"as published: {_shown(published, 'score')}, best {_shown(published, 'best_of_n')}"
                f"; {published['untagged_frac']:.0%} of the answers without the published tags"
            )
        return lines


def _share_of_none(read: Sequence[str | None]) -> float | None:
    return read.count(None) / len(read) if read else None


def _shown(totals: Mapping[str, Any], name: str) -> str:
    ends = totals[f"{name}_interval"]
    return f"{totals[name]:.2f}" + (f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else "")


def _percent(means: Float) -> Float:
    first: Float = 100.0 * means[..., 0]
    return first


def run(settings: PrismSettings) -> int:
    """`balcap eval prism`; returns the exit code."""
    return evaluate(Prism(settings))
