"""What did the judges of a run do, and where are their answers?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from balcap.heads import Head
from balcap.judges.cache.size import bytes_of
from balcap.judges.usage import Usage


def account(
    heads: Sequence[Head[Any]], spent: Mapping[str, Usage], earlier: Mapping[str, Any]
) -> dict[str, Any]:
    """The summary's entries on judges; none where no judge is asked.

    Args:
        heads: of the run.
        spent: what was asked since the run began or was resumed, by head.
        earlier: the summary as it was then.

    Returns:
        `judges`, what each head asked; `answer_files`, the size in bytes of each file that keeps
        answers, by its path. Other runs may use the same file.
    """
    found: dict[str, Any] = {}
    total = {name: Usage(**used) for name, used in earlier.get("judges", {}).items()}
    for name, used in spent.items():
        total[name] = total.get(name, Usage()) + used
    if total:
        found["judges"] = {name: asdict(used) for name, used in total.items()}
    files = {file for head in heads if head.uses_judge and (file := head.judge.answer_file)}
    if files:
        found["answer_files"] = {str(file): bytes_of(file) for file in sorted(files)}
    return found
