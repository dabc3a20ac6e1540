"""Records -> what `summary.json` says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float
from balcap.config import plain
from balcap.evaluation.harness.identity import prompts_of, resolved_settings, whose
from balcap.evaluation.harness.judging import NO_ANSWER, Judged
from balcap.evaluation.harness.training_judge import same_model
from balcap.evaluation.protocol import NO_CAPTION, AnyProtocol, Captions, Item, Record
from balcap.statistics import interval, point
from balcap.text import word_count


def values_of(protocol: type[AnyProtocol] | AnyProtocol, records: Sequence[Record]) -> Float:
    """[N, K] of N scored records: what the score is made of."""
    rows = [protocol.values(record) for record in records]
    return np.array(rows, dtype=np.float64) if rows else np.zeros((0, 1))


def summarise(
    protocol: AnyProtocol,
    captions: Captions,
    items: Sequence[Item],
    left_out: Mapping[str, int],
    judged: Judged,
) -> dict[str, Any]:
    """The whole summary. What it says of the score:

    - `score` and `interval` are over scored items, `n_scored` of them; `n_invalid` have no score,
      `invalid` says why. Both together are all items of the data.
    - `comparable`: judged by the protocol's own judge, on as many items as the published numbers;
      where it is not, `not_comparable` says why (nothing where no numbers are published). The
      prompts are balcap's own in any case.
    - `rivals`: whose captions the settings' own were compared with, as in `settings.json`.
    - `words`: mean length of the settings' own captions whose items were to be judged.
    """
    records = judged.in_order(items)
    scored = [record for record in records if record.score is not None]
    values = values_of(protocol, scored)
    samples = [record.sample for record in scored]
    invalid = Counter(left_out) + Counter(r.invalid for r in records if r.score is None)
    invalid[NO_ANSWER] += len(judged.failed)
    invalid = +invalid
    reasons = _not_comparable(protocol, left_out, judged)
    return {
        "protocol": protocol.name,
        "metric": protocol.metric,
        "score": point(values, protocol.score),
        "interval": interval(values, samples, protocol.score, protocol.settings.seed),
        "n_scored": len(scored),
        "n_invalid": invalid.total(),
        "invalid": dict(invalid.most_common()),
        "n_samples": len(set(samples)),
        "words": _words(protocol, captions, items),
        "judge": _judge(protocol),
        "protocol_judge": protocol.own_judge,
        "rivals": [whose(one) for one in protocol.rivals()],
        "comparable": bool(protocol.published_items) and not reasons,
        "not_comparable": reasons,
        **protocol.extra_summary(records),
        "seeds": {"captions": protocol.settings.seed, "bootstrap": protocol.settings.seed},
        "prompts": prompts_of(protocol),
        "failures": _examples(judged),
        "balcap": version("balcap"),
        "settings": resolved_settings(protocol.settings),
    }


def _not_comparable(
    protocol: AnyProtocol, left_out: Mapping[str, int], judged: Judged
) -> list[str]:
    """Why the score must not stand beside published numbers as if it were one."""
    reasons = list(protocol.deviations)
    if not protocol.published_items:
        return reasons
    judge = _judge(protocol)
    if judge and protocol.own_judge and not same_model(judge["model"], protocol.own_judge):
        reasons.append(f"judged by {judge['model']}, not {protocol.own_judge}")
    done = len(judged.records)
    complete = not judged.failed and not left_out.get(NO_CAPTION)
    counts = {done, done + sum(left_out.values())}  # the papers count one way or the other
    if not complete or not counts & set(protocol.published_items):
        published = " or ".join(f"{count:,}" for count in protocol.published_items)
        reasons.append(f"{done:,} {protocol.plural}, not {published}")
    return reasons


def _judge(protocol: AnyProtocol) -> dict[str, Any] | None:
    """Who judged, how it was set, and what it took this time; None where nobody is asked."""
    if not protocol.uses_judge:
        return None
    judge = protocol.judge
    settings = plain(protocol.settings).get("judge", {})
    return {
        "name": judge.name,
        "model": settings.get("model", judge.name),
        "settings": settings,
        "identity": dict(judge.shared.backend.identity),
        "usage": asdict(judge.usage),
    }


def _words(protocol: AnyProtocol, captions: Captions, items: Sequence[Item]) -> float | None:
    judged = dict.fromkeys(item.sample for item in items)
    own = slice(1) if protocol.rivals() else slice(None)
    lengths = [word_count(text) for name in judged for text in captions[name][own]]
    return float(np.mean(lengths)) if lengths else None


def _examples(judged: Judged) -> list[str]:
    """Up to five different reasons of a judge that did not answer."""
    return list(dict.fromkeys(map(str, judged.failed.values())))[:5]
