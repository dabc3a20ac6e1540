"""Held-out captions before and after, side by side with their image and scores."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    """

    when: str
    text: str
    scores: Mapping[str, float | None]
    ratio: float | None
    in_band: bool | None


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
    unit: str,
    band: Band | None,
    count: int,
) -> list[Card]:
    """A few samples, always the same ones of a data set, in its order.

    Args:
        held_out: of `held_out_df`.
        look: finds the sample of an id.
        unit: of length: words, chars or tokens. In tokens the ratio is not known here, without
            the policy's tokenizer.
        band: of the gate; None without one.
        count: how many samples, at most.
    """
    names = list(dict.fromkeys(held_out["sample"]))
    chosen = sorted(random.Random(0).sample(range(len(names)), min(count, len(names))))
    heads = [name for name in held_out.columns if name not in ("sample", "side", "caption")]
    rows = {(str(row["sample"]), row["side"]): row for row in held_out.to_dict("records")}
    return [_card(str(names[i]), look(str(names[i])), rows, heads, unit, band) for i in chosen]


def _card(
    name: str,
    seen: Seen,
    rows: Mapping[tuple[str, str], Mapping[Any, Any]],
    heads: Sequence[str],
    unit: str,
    band: Band | None,
) -> Card:
    pairs: dict[str, list[Written]] = {}
    for kind, *sides in PAIRS:
        for when, side in zip(("before", "after"), sides, strict=True):
            if (name, side) in rows:
                row = rows[name, side]
                ratio = _ratio(seen.sample, row["caption"], unit)
                in_band = None if band is None or ratio is None else band[0] <= ratio <= band[1]
                scores = {head: None if pd.isna(row[head]) else row[head] for head in heads}
                written = Written(when, row["caption"], scores, ratio, in_band)
                pairs.setdefault(kind, []).append(written)
    return Card(name, seen, pairs)


def _ratio(sample: Sample | None, text: str, unit: str) -> float | None:
    if sample is None or unit not in ("words", "chars"):
        return None
    [ratio] = ratios([Caption(sample, text)], unit, len)  # type: ignore[arg-type]
    return None if np.isnan(ratio) else float(ratio)
