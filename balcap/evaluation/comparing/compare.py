"""`balcap eval compare`: which captioner is better, and how sure is that?

Evaluations of one protocol are compared with the first of them that was given: the difference of
their scores over the items that both have, with a paired 95% interval. Evaluations by different
judges or prompts, or against other rivals, are not subtracted from each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from balcap.config import CompareSettings
from balcap.config.command import imported
from balcap.console import say
from balcap.errors import RunError, UserError
from balcap.evaluation.comparing.published import published
from balcap.evaluation.comparing.table import as_csv, as_markdown, for_people
from balcap.evaluation.harness.folder import EvalFolder
from balcap.evaluation.harness.summary import values_of
from balcap.evaluation.protocol import AnyProtocol, Record
from balcap.evaluation.protocols import PROTOCOL_KIND, command_of
from balcap.resumable import read_json
from balcap.statistics import paired_interval, point

Row = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """A finished evaluation, as it lies on disk.

    Attributes:
        name: for the table.
        summary: its `summary.json`.
        records: its scored items, by id; empty where the protocol writes none.
        remark: what is to be said of its score beside others.
    """

    name: str
    summary: Mapping[str, Any]
    records: Mapping[str, Record] = field(default_factory=dict)
    remark: str = ""

    @property
    def protocol(self) -> str:
        """Which benchmark it is of."""
        return str(self.summary["protocol"])

    @property
    def asked(self) -> tuple[object, ...]:
        """What must be the same in two evaluations for their difference to mean anything."""
        judge = self.summary.get("judge") or {}
        return judge.get("identity"), self.summary.get("prompts"), self.summary.get("rivals", [])


def compare(evaluations: Sequence[Evaluation], *, with_published: bool, seed: int) -> list[Row]:
    """One row an evaluation, by protocol in their order of appearance; see `comparison_table`."""
    rows = []
    for protocol in dict.fromkeys(one.protocol for one in evaluations):
        first, *others = _over_shared_benchmarks([e for e in evaluations if e.protocol == protocol])
        rows.append(_row(first))
        rows += [_row(one) | difference(first, one, seed) for one in others]
        rows += published(protocol) if with_published else []
    return rows


def _over_shared_benchmarks(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Evaluations whose score is a mean of benchmarks, each over those that all of them have.

    A mean of other benchmarks is another number, and must not stand beside the first.
    """
    found = [one.summary.get("benchmarks") or {} for one in evaluations]
    shared = [name for name in found[0] if all(name in each for each in found)]
    if all(len(each) == len(shared) for each in found):
        return list(evaluations)
    told = f"mean of {', '.join(shared)}" if shared else "no benchmark that all of these have"
    return [
        replace(
            one,
            summary={
                **one.summary,
                "score": sum(each[name]["value"] for name in shared) / len(shared)
                if shared
                else None,
            },
            remark=told,
        )
        for one, each in zip(evaluations, found, strict=True)
    ]


def difference(first: Evaluation, second: Evaluation, seed: int) -> Row:
    """Score of the second minus score of the first, over the items that both have scored."""
    protocol = protocol_called(second.protocol)
    both = [name for name in first.records if name in second.records]
    if first.asked != second.asked:
        return {"note": _joined(_note(second), "no difference: other judge, prompts or rivals")}
    if protocol is None or not both:
        return {}
    pair = [values_of(protocol, [one.records[name] for name in both]) for one in (first, second)]
    samples = [first.records[name].sample for name in both]
    before, after = (point(values, protocol.score) for values in pair)
    ends = paired_interval(pair[0], pair[1], samples, protocol.score, seed)
    return {
        "difference": None if before is None or after is None else after - before,
        "difference_low": ends[0] if ends else None,
        "difference_high": ends[1] if ends else None,
        "shared": len(both),
    }


def protocol_called(name: str) -> type[AnyProtocol] | None:
    """The protocol's class; None for one that has no items, or is not of this version."""
    if name not in PROTOCOL_KIND.offered() or not (place := command_of(name).protocol):
        return None
    found: type[AnyProtocol] = imported(place)
    return found


def read(path: Path) -> Evaluation:
    """Read an evaluation from its folder, or from its summary with `items.jsonl` beside it.

    Raises:
        UserError: if there is no summary.
    """
    file = path / "summary.json" if path.is_dir() else path
    summary = read_json(file) if file.is_file() else {}
    if "protocol" not in summary:
        unfinished = EvalFolder(path).settings.is_file()
        step = "run its command again to finish it" if unfinished else "name a folder that has one"
        raise UserError(f"no summary of an evaluation in {path}; {step}")
    name = file.parent.resolve().name if file.name == "summary.json" else file.stem
    records = EvalFolder(file.parent).records().values()
    return Evaluation(name, summary, {one.id: one for one in records if one.score is not None})


def _row(one: Evaluation) -> Row:
    summary = one.summary
    low, high = summary.get("interval") or (None, None)
    return {
        "protocol": one.protocol,
        "name": one.name,
        "score": summary.get("score"),
        "low": low,
        "high": high,
        "n_scored": summary.get("n_scored"),
        "n_invalid": summary.get("n_invalid"),
        "words": summary.get("words"),
        "judge": (summary.get("judge") or {}).get("name"),
        "comparable": summary.get("comparable"),
        "note": _note(one),
    }


def _note(one: Evaluation) -> str:
    reasons = one.summary.get("not_comparable") or []
    told = f"not comparable to published numbers: {', '.join(reasons)}" if reasons else ""
    return _joined(one.remark, told)


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def run(settings: CompareSettings) -> int:
    """Print the table, and write it where it is asked for; returns the exit code."""
    evaluations = [read(path) for path in settings.evaluations]
    rows = compare(evaluations, with_published=settings.with_published, seed=settings.seed)
    say(for_people(rows), end="")
    if settings.out is not None:
        text = as_csv(rows) if settings.out.suffix == ".csv" else as_markdown(rows)
        try:
            settings.out.parent.mkdir(parents=True, exist_ok=True)
            settings.out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RunError(f"cannot write {settings.out}: {error.strerror}") from error
    return 0
