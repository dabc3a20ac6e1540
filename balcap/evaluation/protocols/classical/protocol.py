"""How do the metrics of short captions judge these? BLEU, ROUGE-L, CIDEr-D, METEOR, CLIPScore.

What they are worth for long captions: little. They count words shared with one of many right
descriptions, so that two good ones of 150 words score low, and a bad one that has the reference's
words scores high: on 200 scenes of the built-in world, references in which every "red" was made
"blue" keep a ROUGE-L of 97.7 and a BLEU-4 of 94.2. CIDEr-D, made for captions of ten words,
multiplies by exp(-d^2 / 72), where d is the difference in length: 0.14 at 12 words, 0.0003 at 24.
CLIPScore sees the first 77 tokens.
BalCapRL, CapRL and their kind are judged otherwise, and so should be a captioner of yours.

- `score`: 100 x mean ROUGE-L, the one that needs nothing and does not vanish with length.
- `metrics`: each with its value, its 95% interval and its number of captions. BLEU is of the whole
  corpus; the others are means over captions, METEOR too (COCO's script prints METEOR over the
  corpus). All are times 100, as papers print them; CIDEr-D goes to 1,000.
- `left_out`: metrics whose requirement is missing, with what they need.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float
from balcap.errors import UserError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.harness.referenced import (
    UNUSABLE_ROW,
    referenced_samples,
    references,
)
from balcap.evaluation.protocol import (
    NO_CAPTION,
    Captions,
    EvalProtocol,
    Item,
    Items,
    Record,
)
from balcap.evaluation.protocols.classical import coco_metrics
from balcap.evaluation.protocols.classical.clip_score import check_model, clip_scores
from balcap.evaluation.protocols.classical.coco_metrics import NGRAMS, MissingError, bleu
from balcap.evaluation.protocols.classical.command import ClassicalSettings
from balcap.judges.judge import Judge
from balcap.statistics import interval, point
from balcap.types import Sample

MEANS = {"rouge": "rouge_l", "cider": "cider_d", "meteor": "meteor", "clipscore": "clipscore"}
"""Metrics that are means over captions, each with its name in the records."""

WORTH = "n-gram metrics and CLIPScore rank long captions poorly: nothing to choose a model by"


@dataclass(frozen=True, kw_only=True)
class Described(Item):
    """A caption with its references, all split into words, and the sample that it is of."""

    caption: str
    words: str
    references: tuple[str, ...]
    of: Sample


class Classical(EvalProtocol[ClassicalSettings, Described]):
    """The metrics; see the top of this file."""

    name = "classical"
    plural = "captions"
    metric = "100 x mean ROUGE-L"
    wave = 1 << 40  # CIDEr-D knows a word's rarity from all samples

    def __init__(self, settings: ClassicalSettings, judge: Judge | None = None) -> None:
        super().__init__(settings, judge)
        coco_metrics.check_installed()
        if settings.tokenizer == "ptb" and not coco_metrics.has_java():
            raise UserError("tokenizer is 'ptb', which needs Java; --tokenizer words does not")
        self.sees_images = bool(settings.clip) and "clipscore" in settings.metrics
        if self.sees_images:
            check_model(settings.clip)
        needed = self.sees_images or bool(settings.policy)
        self._samples, self._unusable = referenced_samples(settings, need_images=needed)

    def samples(self) -> Sequence[Sample]:
        """The images."""
        return self._samples

    def items(self, captions: Captions) -> Items[Described]:
        """One a caption that has references."""
        left_out: Counter[str] = Counter({UNUSABLE_ROW: self._unusable})
        described = [sample for sample in self._samples if sample.id in captions]
        left_out[NO_CAPTION] = len(self._samples) - len(described)
        written = [captions[sample.id][0] for sample in described]
        tokenizer = self.settings.tokenizer
        said = coco_metrics.split([[text] for text in written], tokenizer)
        known = coco_metrics.split([references(sample) for sample in described], tokenizer)
        ready = []
        for sample, caption, words, others in zip(described, written, said, known, strict=True):
            usable = tuple(text for text in others if text)
            if usable:
                ready.append(
                    Described(
                        id=sample.id, sample=sample.id, caption=caption, words=words[0],
                        references=usable, of=sample,
                    )
                )  # fmt: skip
            else:
                left_out["no reference"] += 1
        return Items(ready, +left_out)

    async def assess(self, items: Sequence[Described]) -> Sequence[Record]:
        """Compute every metric that can be had."""
        return await asyncio.to_thread(self._records, items)

    def _records(self, items: Sequence[Described]) -> list[Record]:
        columns, missing = self._columns(items)
        counts = coco_metrics.bleu_counts(*_texts(items))
        return [
            Record.of(
                item,
                columns["rouge_l"][i],
                **{name: column[i] for name, column in columns.items()},
                bleu=counts[i].tolist(),
                missing=missing,
                caption=item.caption,
                references=list(references(item.of)),
            )
            for i, item in enumerate(items)
        ]

    def _columns(
        self, items: Sequence[Described]
    ) -> tuple[dict[str, Sequence[Any]], dict[str, str]]:
        """Each metric's values by its name in the records, and why others have none."""
        columns: dict[str, Sequence[Any]] = {}
        missing: dict[str, str] = {}
        chosen = {"rouge", *self.settings.metrics}
        for name, column in MEANS.items():
            if name not in chosen:
                continue
            try:
                columns |= self._column(name, column, items)
            except MissingError as error:
                missing[name] = str(error)
        return columns, missing

    def _column(
        self, name: str, column: str, items: Sequence[Described]
    ) -> dict[str, Sequence[Any]]:
        if name != "clipscore":
            values: Float = getattr(coco_metrics, column)(*_texts(items))
            return {column: values.tolist()}
        if not self.settings.clip:
            raise MissingError(
                "needs a CLIP model: --clip openai/clip-vit-base-patch32, or the folder of one"
            )
        captions = [item.caption for item in items]
        found = clip_scores(self.settings.clip, [item.of for item in items], captions)
        return {column: found.scores, "clip_cut": found.cut}

    def extra_summary(self, records: Sequence[Record]) -> dict[str, Any]:
        """Every metric with its interval, and those that could not be had."""
        cut = [bool(r.detail["clip_cut"]) for r in records if "clip_cut" in r.detail]
        return {
            "metrics": {**self._bleu(records), **self._means(records)},
            "left_out": dict(records[0].detail["missing"]) if records else {},
            "clip_truncated_frac": sum(cut) / len(cut) if cut else None,
            "about": WORTH,
        }

    def _bleu(self, records: Sequence[Record]) -> dict[str, Any]:
        """BLEU-1 to BLEU-4, the last with an interval."""
        if "bleu" not in self.settings.metrics:
            return {}
        counts = np.array([r.detail["bleu"] for r in records]).reshape(-1, 2 * NGRAMS + 2)
        samples = [record.sample for record in records]
        found = {}
        for order in range(1, NGRAMS + 1):
            score = partial(_bleu_percent, order=order)
            ends = interval(counts, samples, score, self.settings.seed) if order == NGRAMS else None
            found[f"bleu_{order}"] = {
                "value": point(counts, score), "interval": ends, "n": len(counts),
            }  # fmt: skip
        return found

    def _means(self, records: Sequence[Record]) -> dict[str, Any]:
        samples = [record.sample for record in records]
        found = {}
        for column in MEANS.values():
            values = np.array([[r.detail[column]] for r in records if column in r.detail])
            if len(values):
                found[column] = {
                    "value": point(values, _percent),
                    "interval": interval(values, samples, _percent, self.settings.seed),
                    "n": len(values),
                }
        return found

    def report_lines(self, summary: Mapping[str, Any]) -> Sequence[str]:
        """A line a metric, the missing ones too, and what all of it is worth."""
        lines = [_line(name, found) for name, found in summary["metrics"].items()]
        lines += [f"{name:9}  left out: {why}" for name, why in summary["left_out"].items()]
        if cut := summary["clip_truncated_frac"]:
            lines.append(f"CLIP saw only the beginning of {cut:.0%} of the captions")
        return [*lines, WORTH]


def _texts(items: Sequence[Described]) -> tuple[list[str], list[tuple[str, ...]]]:
    return [item.words for item in items], [item.references for item in items]


def _bleu_percent(means: Float, order: int) -> Float:
    return 100.0 * bleu(means, order)


def _percent(means: Float) -> Float:
    first: Float = 100.0 * means[..., 0]
    return first


def _line(name: str, found: Mapping[str, Any]) -> str:
    ends = found["interval"]
    between = f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else ""
    return f"{name:9} {found['value']:7.2f}{between}"


def run(settings: ClassicalSettings) -> int:
    """`balcap eval classical`; returns the exit code."""
    return evaluate(Classical(settings))
