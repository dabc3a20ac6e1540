"""Held-out captions before and after, side by side with their image and scores."""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from balcap.analysis.report.samples import Seen
from balcap.heads.lengths import ratios
from balcap.types import Caption, Sample

Band = tuple[float, float]
PAIRS = (("sampled", "before", "after"), ("greedy", "before_greedy", "after_greedy"))


@dataclass(frozen=True, slots=True)
class Written:
    """One caption of a sample.

    Attributes:
        when: `before` or `after`.
        text: the caption.
        scores: per head; None where it had none.
        ratio: its length over the reference's; None where that cannot be known here.
        in_band: whether that lies in the gate's band; None without a gate, or a ratio.
        why: of the heads that say why their score is what it is, what they say.
    """

    when: str
    text: str
    scores: Mapping[str, float | None]
    ratio: float | None
    in_band: bool | None
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Card:
    """A held-out sample with its captions.

    Attributes:
        sample: its id.
        seen: its image and reference, as far as they are still there.
        pairs: `sampled` and `greedy`, each with the captions that the run has reached.
    """

    sample: str
    seen: Seen
    pairs: Mapping[str, Sequence[Written]]


def cards(
    held_out: pd.DataFrame,
    look: Callable[[str], Seen],
    *,
    why: Mapping[tuple[str, str], Mapping[str, str]],
    unit: str,
    band: Band | None,
    count: int,
) -> list[Card]:
    """A few samples, always the same ones of a data set, in its order.

    Args:
        held_out: of `held_out_df`.
        look: finds the sample of an id.
        why: explanations by head, of a sample's caption on a side.
        unit: of length: words, chars or tokens. In tokens the ratio is not known here, without
            the policy's tokenizer.
        band: of the gate; None without one.
        count: how many samples, at most.
    """
    names = list(dict.fromkeys(held_out["sample"]))
    chosen = sorted(random.Random(0).sample(range(len(names)), min(count, len(names))))
    heads = [name for name in held_out.columns if name not in ("sample", "side", "caption")]
    rows = {(str(row["sample"]), row["side"]): row for row in held_out.to_dict("records")}

    def written(seen: Seen, name: str, when: str, side: str) -> Written:
        row = rows[name, side]
        ratio = _ratio(seen.sample, row["caption"], unit)
        in_band = None if band is None or ratio is None else band[0] <= ratio <= band[1]
        scores = {head: None if pd.isna(row[head]) else row[head] for head in heads}
        return Written(when, row["caption"], scores, ratio, in_band, why.get((name, side), {}))

    return [_card(str(names[i]), look(str(names[i])), rows, written) for i in chosen]


def _card(
    name: str,
    seen: Seen,
    rows: Container[tuple[str, str]],
    written: Callable[[Seen, str, str, str], Written],
) -> Card:
    pairs: dict[str, list[Written]] = {}
    for kind, *sides in PAIRS:
        for when, side in zip(("before", "after"), sides, strict=True):
            if (name, side) in rows:
                pairs.setdefault(kind, []).append(written(seen, name, when, side))
    return Card(name, seen, pairs)


def _ratio(sample: Sample | None, text: str, unit: str) -> float | None:
    if sample is None or unit not in ("words", "chars"):
        return None
    [ratio] = ratios([Caption(sample, text)], unit, len)  # type: ignore[arg-type]
    return None if np.isnan(ratio) else float(ratio)
