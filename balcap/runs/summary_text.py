"""The end of a training, for a person: the table, captions before and after, where things are."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from balcap.console import number, say, table
from balcap.data.shapes.grounding import GROUNDING
from balcap.judges.cache.size import in_megabytes
from balcap.runs.folder import RunFolder

SIDES = ("before", "after", "before_greedy", "after_greedy")
SHAPES_NOTE = (
    "What this shows: in the shapes world the informative starting captions are the disfluent ones "
    "by design,\nso it illustrates the papers and proves nothing about photographs"
)
UNPUNISHED = "; and without a reward for precision\nunfounded facts may grow (fact_precision)"


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
            say(f"\n{note}")
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
    """Each score before and after, sampled and greedy, with the change of the sampled one."""
    sides = [side for side in SIDES if side in summary]
    rows = []
    for name in (*heads, "harmonic_mean", "words", "gate_rate", *GROUNDING):
        if name not in summary[sides[0]]:
            continue
        row = {"": name} | {side: number(summary[side].get(name)) for side in sides}
        if "after" in sides:
            before, after = summary["before"].get(name), summary["after"].get(name)
            known = before is not None and after is not None
            row["change"] = f"{after - before:+.3f}" if known else "-"
        rows.append(row)
    return table(rows)


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
            parts.append(_wrapped(f"{label:<8}", side[row]["caption"] or "(empty)"))
            parts.append(_wrapped(" " * 8, scores))
    return "\n".join(parts)


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=f"  {label}", subsequent_indent=" " * 10)
