"""`balcap eval PROTOCOL`: captions -> items -> records -> summary; goes on where it stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from balcap.config import JudgedEvalSettings
from balcap.console import say
from balcap.errors import UserError
from balcap.evaluation.harness.captions import captions_for
from balcap.evaluation.harness.folder import EvalFolder
from balcap.evaluation.harness.identity import default_out, identity
from balcap.evaluation.harness.judging import judge_items
from balcap.evaluation.harness.summary import summarise
from balcap.evaluation.harness.training_judge import refuse_training_judge
from balcap.evaluation.protocol import AnyProtocol, Item
from balcap.judges.event_loop import run


def evaluate(protocol: AnyProtocol) -> int:
    """Evaluate, write the folder, and tell the score.

    Returns:
        Exit code: 0; 1 if nothing could be scored.

    Raises:
        UserError: if the settings do not fit, another evaluation lies in the folder, the captions
            are of other images, or the judge trained the policy and that was not asked for.
        JudgeGoneError: if the judge left too many items without an answer.
        RunError: if the disk is full.
    """
    settings = protocol.settings
    for one in (settings, *protocol.rivals()):
        if isinstance(one, JudgedEvalSettings):
            refuse_training_judge(one)
    depends_on = identity(protocol)  # opens the judge: what its settings lack is told before work
    folder = EvalFolder(settings.out or default_out(protocol, depends_on))
    if folder.begin(depends_on):
        say(f"going on in {folder.path}")
    captions = captions_for(protocol, folder)
    items = protocol.items(captions)
    _check_ids(items.ready)
    judged = run(judge_items(protocol, items.ready, folder, getattr(settings, "max_failed", 0.0)))
    summary = summarise(protocol, captions, items.ready, items.left_out, judged)
    folder.close(judged.in_order(items.ready), summary)
    _tell(protocol, summary, folder)
    return 0 if summary["n_scored"] else 1


def _check_ids(items: Sequence[Item]) -> None:
    twice = [name for name, count in Counter(item.id for item in items).items() if count > 1]
    if twice:
        raise UserError(f"the data has {twice[0]!r} twice; every image needs an id of its own")


def _tell(protocol: AnyProtocol, summary: dict[str, Any], folder: EvalFolder) -> None:
    score, ends = summary["score"], summary["interval"]
    between = f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else ""
    shown = "-" if score is None else f"{score:.2f}{between}"
    say(f"{protocol.name}: {shown}  ({protocol.metric})")
    for line in protocol.report_lines(summary):
        say(f"  {line}")
    scored, invalid = summary["n_scored"], summary["n_invalid"]
    say(f"{scored:,} {protocol.plural} scored, {invalid:,} without a score")
    for reason, count in summary["invalid"].items():
        say(f"  {count:,} {reason}")
    if summary["not_comparable"]:
        say(f"not comparable to published numbers: {', '.join(summary['not_comparable'])}")
    say(f"records and summary: {folder.path}")
