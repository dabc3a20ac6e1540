"""`balcap judge check`: questions with known answers, with a caption that answers them and without.

Asked in the words of the head qa, so that what is measured is what rewards.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from balcap.atomic import atomic_write
from balcap.config import plain
from balcap.config.judge_check import JudgeCheckSettings
from balcap.console import say
from balcap.errors import JudgeError, JudgeGoneError, RunError, UnusableAnswerError
from balcap.evaluation.judge_check.asking import Answers, ask, captions_of
from balcap.evaluation.judge_check.measures import Measures, measure
from balcap.evaluation.judge_check.verdict import rows_of, sentence, shown
from balcap.heads.reading import PROMPT, check_logprobs
from balcap.judges.factory import open_judge

ASKER = "judge check"


def run(settings: JudgeCheckSettings) -> int:
    """Ask, print the table and the verdict, write the file.

    Returns:
        0 for a judge within all bounds, else 1.

    Raises:
        UserError: if no judge is set, it lacks what the answers are read from, or the data are not
            what they should be.
        JudgeGoneError: if it answered nothing at all.
        RunError: if the file cannot be written.
    """
    judge = open_judge(settings.judge, ASKER)
    check_logprobs(judge, settings.answer, "answer")
    captions = captions_of(settings)
    answers = ask(judge, captions, settings)
    _refuse_silent(answers, judge.name)
    found = measure(answers.asked)
    rows = rows_of(found, answers.per_second, settings)
    verdict = sentence(judge.name, rows)
    asked = f"{len(answers.asked):,} questions about {len(captions):,} captions"
    draws = f"{settings.draws} draws with the caption and without"
    say(f"\n{asked}, {draws}, answer {settings.answer}\n\n{shown(rows)}")
    say(f"\nletters picked (and right): {_letters(found)}\n\n{verdict}")
    if settings.out is not None:
        content = {
            "verdict": verdict,
            "fit": all(row.is_fit for row in rows),
            "out_of_bounds": [row.what for row in rows if not row.is_fit],
            **asdict(found),
            "questions_per_second": answers.per_second,
            "questions": len(answers.asked),
            "captions": len(captions),
            "judge": {"name": judge.name, "identity": dict(judge.shared.backend.identity)},
            "prompt": PROMPT.sha256,
            "settings": plain(settings),
        }
        _write(settings.out, content)
        say(f"\nall numbers: {settings.out}")
    return 0 if all(row.is_fit for row in rows) else 1


def _letters(found: Measures) -> str:
    counts = [
        f"{letter} {found.picked.get(letter, 0)} ({found.right.get(letter, 0)})"
        for letter in sorted({*found.picked, *found.right})
    ]
    return ", ".join(counts) or "none"


def _refuse_silent(answers: Answers, judge: str) -> None:
    outcomes = [one for each in answers.asked for one in (*each.seen, *each.blind)]
    failed = [
        one
        for one in outcomes
        if isinstance(one, JudgeError) and not isinstance(one, UnusableAnswerError)
    ]
    if len(failed) == len(outcomes):
        raise JudgeGoneError(
            f"{judge} answered none of {len(outcomes):,} questions: {failed[0]}. Once that is "
            "fixed, give the same command again"
        )


def _write(path: Path, content: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write((json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
