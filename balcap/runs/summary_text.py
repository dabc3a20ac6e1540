"""The end of a training, for a person: the table, captions before and after, where things are."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from balcap.console import between, filled, number, say, table
from balcap.data.shapes.grounding import GROUNDING
from balcap.judges.cache.size import in_megabytes
from balcap.runs.changes import HARMONIC_MEAN, change_of
from balcap.runs.folder import RunFolder

SIDES = ("before", "after", "before_greedy", "after_greedy")
SHAPES_NOTE = (
    "What this shows: in the shapes world the informative starting captions are the disfluent ones "
    "by design, so it illustrates the papers and proves nothing about photographs"
)
UNPUNISHED = "; and without a reward for precision unfounded facts may grow (fact_precision)"
INTERVAL_NOTE = "95% interval: of the change, paired by sample (bootstrap)."


def say_closing(folder: RunFolder, summary: Mapping[str, Any], heads: Sequence[str]) -> None:
    """Print what came of a run.

    Args:
        folder: of the run.
        summary: as `summary.json` holds it.
        heads: names of the evaluated heads.
    """
    if "before" in summary:
        captions = summary["before"]["captions"]
        say(f"\n{captions} held-out samples, sampled as in training and greedily:\n")
        say(score_table(summary, heads))
        if note := shapes_note(summary):
            say(f"\n{filled(note)}")
    if asked := judge_table(summary.get("judges", {})):
        say(f"\n{asked}")
    for file, size in summary.get("answer_files", {}).items():
        say(f"\nanswers of judges are kept in {file} ({in_megabytes(size)}; see balcap cache)")
    written = folder.read_json(folder.captions)
    if "before" in written and "after" in written:
        say(f"\n{caption_pairs(written['before'], written['after'])}")
    say()
    if summary.get("interrupted"):
        say(f"interrupted after step {summary['steps']}; continue with")
        say(f"  balcap train --resume {folder.path}")
        return
    if behind := summary.get("updates_behind"):
        say(f"off-policy: captions were {behind} update old when the policy learned from them")
    say(f"curves   {folder.curves}")
    seconds = f"{summary['train_seconds']:.0f} s, with the evaluations {summary['seconds']:.0f} s"
    say(f"run      {folder.path}  ({summary['steps']} steps; trained for {seconds})")
    say(f"next     balcap caption --policy {folder.path} IMAGE...")


def shapes_note(summary: Mapping[str, Any]) -> str:
    """What a run on the shapes world shows, and what not; empty for any other world."""
    before = summary.get("before", {})
    if "fact_precision" not in before:
        return ""
    return SHAPES_NOTE + ("" if "precision" in before["scored"] else UNPUNISHED) + "."


def score_table(summary: Mapping[str, Any], heads: Sequence[str]) -> str:
    """Each score before and after, sampled, with the change and its paired interval; and greedy.

    Args:
        summary: as `summary.json` holds it, with the side `before` at least.
        heads: names of the evaluated heads, in the order of the rows.
    """
    rows = [
        _score_row(summary, name)
        for name in (*heads, HARMONIC_MEAN, "words", "gate_rate", *GROUNDING)
        if name in summary["before"]
    ]
    shown = [name for name in rows[0] if name in ("", "before") or any(row[name] for row in rows)]
    text = table([{name: row[name] for name in shown} for row in rows])
    notes = harmonic_note(summary.get("harmonic_mean_of", ()))
    notes += [INTERVAL_NOTE] if "95% interval" in shown else []
    return "\n\n".join([text, *([filled(" ".join(notes))] if notes else [])])


def harmonic_note(heads: Sequence[str]) -> list[str]:
    """Which heads the harmonic mean is made of; nothing where that is not known."""
    return [f"harmonic_mean: of {', '.join(heads)}."] if heads else []


def _score_row(summary: Mapping[str, Any], name: str) -> dict[str, str]:
    """A line of the table; a cell is empty where the run has not got so far."""
    digits = 1 if name == "words" else 3

    def shown(side: str) -> str:
        if side not in summary:
            return ""
        value = summary[side].get(name)
        return "-" if value is None else f"{value:.{digits}f}"

    value, interval = change_of(summary, name)
    change = "-" if value is None else f"{value:+.{digits}f}"
    return {
        "": name,
        "before": shown("before"),
        "after": shown("after"),
        "change": change if "after" in summary else "",
        "95% interval": between(interval, f"+.{digits}f"),
        "greedy": " -> ".join(filter(None, (shown("before_greedy"), shown("after_greedy")))),
    }


def judge_table(judges: Mapping[str, Mapping[str, float]]) -> str:
    """What each head asked its judge; empty if nothing was asked.

    Args:
        judges: by head, the fields of `Usage`.
    """
    rows = [
        {
            "asked by": head,
            "questions": f"{used['questions']:,}",
            "known before": f"{used['cached']:,}",
            "failed": f"{used['failed']:,}",
            "unusable": f"{used.get('unusable', 0):,}",
            "still so": f"{used.get('dropped', 0):,}",
            "tokens in": f"{used['prompt_tokens']:,}",
            "tokens out": f"{used['completion_tokens']:,}",
            "dollars": f"{used['dollars']:.2f}",
        }
        for head, used in judges.items()
        if used["questions"]
    ]
    return table(rows) if rows else ""


def caption_pairs(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], count: int = 3
) -> str:
    """A few samples' captions before and after, with their scores; always the same few."""
    chosen = random.Random(0).sample(range(len(before)), min(count, len(before)))
    parts = []
    for row in sorted(chosen):
        parts.append(str(before[row]["sample"]))
        for label, side in (("before", before), ("after", after)):
            scores = "  ".join(f"{k} {number(v)}" for k, v in side[row]["scores"].items())
            caption = side[row]["caption"] or "(empty)"
            parts.append(filled(caption, f"  {label:<8}", " " * 10))
            parts.append(filled(scores, " " * 10))
    return "\n".join(parts)
