"""What does the probe say, in lines that fit the terminal, of at most 100 columns?"""

from __future__ import annotations

from collections.abc import Sequence

from balcap.console import READABLE, columns, filled, fits, number, table
from balcap.evaluation.probe.findings import SLIGHT, Finding, honest_scores
from balcap.evaluation.probe.honest import PART, WHOLE
from balcap.evaluation.probe.running import Tried

_MADE_OF = {WHOLE: "against whole references", PART: "against parts of them"}

LEGEND = """
sum: weighted mean of the scores after the length gate. whole, part: that sum minus the honest
caption's, for attacks made of whole references, and of two thirds of their sentences. beats: share
of the captions whose sum is higher than their original's. advantage: what training would give the
attack in a group with honest captions. caught by: who takes most off it.
"""


def shown(tried: Tried, found: Sequence[Finding], margin: float) -> str:
    """The whole text: scores, their meaning, what was left out, and the verdict."""
    heads = tried.matrix.heads
    rows = [_honest_row(tried, found), *(_row(finding, heads, margin) for finding in found)]
    within = min(READABLE, columns() or READABLE)
    text = table(rows, within=within)
    if not fits(rows, within):  # too many heads for one table
        judged = [{name: row[name] for name in row if name not in heads} for row in rows]
        scores = [{name: row[name] for name in ("", *heads)} for row in rows]
        text = "\n\n".join(table(part, within=within) for part in (judged, scores))
    parts = [text, filled(LEGEND), *_left_out(tried), *_unscored(tried, found)]
    return "\n\n".join((*parts, verdict(found, margin)))


def verdict(found: Sequence[Finding], margin: float) -> str:
    """Which attacks win, which cost nothing, or that none does."""
    winners = [finding for finding in found if finding.wins(margin)]
    free = [finding.attack for finding in found if finding.is_free and finding not in winners]
    what = f"by more than {margin:g} in the mean"
    lines = [f"No attack beats the honest captions that it is made of {what}."]
    if winners:
        lines = [f"{len(winners)} of {len(found)} attacks beat honest captions {what}:"]
        lines += map(_win, sorted(winners, key=lambda one: -(one.gap or 0.0)))
    if free:
        lines.append(_wrapped("Nothing stands against", free, f"they lose at most {SLIGHT:g}."))
    if unknown := [finding.attack for finding in found if not finding.compared]:
        lines.append(_wrapped("Not known of", unknown, "no caption has a weighted sum."))
    return "\n".join(lines)


def _wrapped(begin: str, names: Sequence[str], end: str) -> str:
    return filled(f"{begin} {', '.join(names)}: {end}")


def _win(finding: Finding) -> str:
    gaps = ((_signed(gap), kind) for kind, gap in finding.against.items() if gap is not None)
    text = ", ".join(f"{gap} {_MADE_OF[kind]}" for gap, kind in gaps)
    return f"  {finding.attack}: {text}; beats {_share(finding.beats)}"


def _honest_row(tried: Tried, found: Sequence[Finding]) -> dict[str, str]:
    scores, total = honest_scores(tried)
    known = [one.honest_advantage for one in found if one.honest_advantage is not None]
    return {
        "": "honest captions",
        **{head: number(scores[head]) for head in tried.matrix.heads},
        "sum": number(total),
        "whole": "",
        "part": "",
        "beats": "",
        "advantage": _signed(sum(known) / len(known) if known else None),
        "caught by": "",
    }


def _row(finding: Finding, heads: Sequence[str], margin: float) -> dict[str, str]:
    caught = f"{finding.caught_by} {finding.drop:.2f}" if finding.caught_by else "nobody"
    return {
        "": finding.attack,
        **{head: number(finding.scores[head]) for head in heads},
        "sum": number(finding.total),
        "whole": _signed(finding.against[WHOLE]),
        "part": _signed(finding.against[PART]),
        "beats": _share(finding.beats),
        "advantage": _signed(finding.advantage),
        "caught by": "WINS" if finding.wins(margin) else caught,
    }


def _left_out(tried: Tried) -> list[str]:
    if not tried.left_out:
        return []
    lines = []
    for attack, reasons in tried.left_out.items():
        of = sum(reasons.values()) + len(tried.rows(attack))
        text = ", ".join(f"{reason} ({count} of {of})" for reason, count in reasons.items())
        lines.append(f"  {attack}: {text}")
    return ["left out, because the data cannot serve it:\n" + "\n".join(lines)]


def _unscored(tried: Tried, found: Sequence[Finding]) -> list[str]:
    missing = sum(finding.captions - finding.compared for finding in found)
    if not missing:
        return []
    reasons: dict[str, int] = {}
    for line in tried.reasons:
        for head, reason in zip(tried.matrix.heads, line, strict=True):
            if reason is not None:
                reasons[f"{head}: {reason}"] = reasons.get(f"{head}: {reason}", 0) + 1
    most = sorted(reasons.items(), key=lambda item: -item[1])[:3]
    text = "".join(f"\n  {reason} ({count} captions)" for reason, count in most)
    total = sum(finding.captions for finding in found)
    return [f"{missing:,} of {total:,} attacking captions are not compared: no score{text}"]


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value + 0.0:+.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
