"""How much of an image can be told from its caption alone? CaptionQA (arXiv 2511.21025).

A text-only judge answers about fifty multiple-choice questions an image from the caption. Every
question but yes/no ones has a further option, that the caption does not say. Re-implemented from
the protocol; the wording of the prompt and of that option are ours.

- Score of a question: 1 for the right option; 1/K + 0.05 for the further one, K being the number of
  the question's own options; 0 for a wrong one, and for an answer that names none (counted as
  `unparsable_frac`).
- Options are shuffled by one `random.Random(0)` that runs through all questions in the data's
  order, so the published order comes out for the whole data with a caption for each image only.
- `score`: 100 x mean over questions, as the paper's code prints it. `mean_of_domains`: 100 x mean
  of the domains' means, as its site shows it.
- An image without a caption, and a question whose answer is none of its options, are left out.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np

from balcap.errors import JudgeError, UserError
from balcap.evaluation.harness.dataset import find_image, read_dataset
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocol import (
    NO_CAPTION,
    Captions,
    EvalProtocol,
    Item,
    Items,
    Record,
)
from balcap.evaluation.protocols.captionqa.command import CaptionQASettings
from balcap.evaluation.protocols.captionqa.questions import (
    ABSTAIN,
    prepared,
    questions_of,
    read_answer,
    unanswerable,
)
from balcap.judges.judge import Judge
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.types import Sample

BEYOND_CHANCE = 0.05
SHUFFLE_SEED = 0
MAX_TOKENS = 4


@dataclass(frozen=True, kw_only=True)
class CaptionQuestion(Item):
    """One question about one caption.

    Attributes:
        caption: the caption.
        question: the question.
        options: as they are shown, shuffled, `ABSTAIN` among them unless it is a yes/no question.
        right: index of the right one.
        choices: number of the question's own options.
        domain: of the image.
        category: the top-level category.
    """

    caption: str
    question: str
    options: tuple[str, ...]
    right: int
    choices: int
    domain: str
    category: str


class CaptionQA(EvalProtocol[CaptionQASettings, CaptionQuestion]):
    """The protocol; see the top of this file."""

    name = "captionqa"
    plural = "questions"
    metric = "100 x mean score of a question, with credit for abstaining"
    own_judge = "Qwen2.5-72B-Instruct"
    published_items = (33_027, 8_492)  # the paper's; those of the public split
    wave = 512

    def __init__(self, settings: CaptionQASettings, judge: Judge | None = None) -> None:
        super().__init__(settings, judge)
        self.rows = read_dataset(settings.data)[: settings.limit]
        self.prompt = Prompt.read(Path(__file__).parent / "prompts" / "captionqa.txt")
        for row in self.rows:
            if "id" not in row or not isinstance(row.get("questions"), list | Mapping):
                raise UserError(
                    f"{settings.data}: a row needs `id` and `questions`, a list of {{question, "
                    f"choices, answer, category}}; found {', '.join(sorted(row))}"
                )

    @property
    def prompts(self) -> Sequence[Prompt]:
        """The one prompt."""
        return (self.prompt,)

    def samples(self) -> Sequence[Sample]:
        """The images."""
        return [self._sample(row) for row in self.rows]

    def _sample(self, row: Mapping[str, Any]) -> Sample:
        settings = self.settings
        image = None
        if settings.policy:
            cell = row.get("images") or row.get("image") or row.get("image_paths")
            image = find_image(cell, settings.data, settings.image_root)
        return Sample(id=str(row["id"]), prompt=settings.prompt, image=image)

    def items(self, captions: Captions) -> Items[CaptionQuestion]:
        """The questions of all captioned images, shuffled in one go."""
        rng = random.Random(SHUFFLE_SEED)
        left_out: Counter[str] = Counter()
        ready = []
        for row in self.rows:
            name = str(row["id"])
            for number, question in enumerate(questions_of(row)):
                reason = "" if name in captions else NO_CAPTION
                reason = reason or unanswerable(question)
                if reason:
                    left_out[reason] += 1
                else:
                    asked = prepared(question, rng)
                    domain = str(row.get("domain") or "")
                    ready.append(
                        CaptionQuestion(
                            id=f"{name}#{number}", sample=name, caption=captions[name][0],
                            domain=domain, **asked,
                        )
                    )  # fmt: skip
        return Items(ready, left_out)

    async def assess(self, items: Sequence[CaptionQuestion]) -> Sequence[Record | JudgeError]:
        """Ask one letter a question."""
        outcomes = await self.judge.ask([self._ask(item) for item in items])
        return [
            _record(item, outcome.text) if isinstance(outcome, JudgeResponse) else outcome
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    def _ask(self, item: CaptionQuestion) -> JudgeRequest:
        options = "\n".join(
            f"{letter}. {option}"
            for letter, option in zip(ascii_uppercase, item.options, strict=False)
        )
        text = self.prompt.fill(
            caption=quoted(item.caption), question=item.question, options=options
        )
        return JudgeRequest.of(text, max_tokens=MAX_TOKENS)

    def extra_summary(self, records: Sequence[Record]) -> dict[str, Any]:
        """Accuracy, abstentions, and everything per domain and category."""
        scored = [record for record in records if record.score is not None]
        domains = _by(scored, "domain")
        means = [part["score"] for part in domains.values()]
        return {
            **_shares(scored),
            "mean_of_domains": float(np.mean(means)) if means else None,
            "domains": domains,
            "categories": _by(scored, "category"),
            "shuffle_seed": SHUFFLE_SEED,
        }


def _record(item: CaptionQuestion, answer: str) -> Record:
    named = read_answer(answer, len(item.options))
    abstained = (
        named is not None and len(item.options) > item.choices and (item.options[named] == ABSTAIN)
    )
    score = 1 / item.choices + BEYOND_CHANCE if abstained else float(named == item.right)
    return Record.of(
        item,
        score,
        question=item.question,
        options=list(item.options),
        right=ascii_uppercase[item.right],
        answer=answer,
        read=None if named is None else ascii_uppercase[named],
        verdict=(
            "unparsable" if named is None else
            "abstained" if abstained else
            "right" if named == item.right else "wrong"
        ),
        domain=item.domain,
        category=item.category,
    )  # fmt: skip


def _by(scored: Sequence[Record], name: str) -> dict[str, dict[str, Any]]:
    """Scores and shares of each part, by its name."""
    parts = defaultdict(list)
    for record in scored:
        parts[record.detail[name]].append(record)
    return {
        part: {
            "score": 100 * float(np.mean([record.score for record in inside])),
            "n_scored": len(inside),
            **_shares(inside),
        }
        for part, inside in sorted(parts.items())
    }


def _shares(scored: Sequence[Record]) -> dict[str, float | None]:
    verdicts = Counter(record.detail["verdict"] for record in scored)
    named = {"accuracy": "right", "abstain_frac": "abstained", "unparsable_frac": "unparsable"}
    return {
        name: verdicts[verdict] / len(scored) if scored else None for name, verdict in named.items()
    }


def run(settings: CaptionQASettings) -> int:
    """`balcap eval captionqa`; returns the exit code."""
    return evaluate(CaptionQA(settings))
