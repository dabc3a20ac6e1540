"""Do two answers mean the same number or formula? By math-verify, in a process of its own.

Its time limits only work in a main thread, which judges are not asked from; and a power such as
9^99999999 holds an interpreter up so that only ending the process ends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from balcap.errors import RunError, UserError

SECONDS = 30  # for one pair; math-verify's own limits are 5 for reading, 5 for comparing
_READY = b"ready\n"

Pair = tuple[str, str]
"""The right answer, and the one that was given."""


def check_installed(why: str, otherwise: str) -> None:
    """Raise UserError if math-verify is not there: who needs it, and what can be done without."""
    if find_spec("math_verify") is None:
        raise UserError(f"{why} needs math-verify: pip install 'balcap[math]', or {otherwise}")


async def same(pairs: Sequence[Pair]) -> list[bool]:
    """Whether the answers of each pair mean the same; False for one that cannot be decided in time.

    Raises:
        RunError: if math-verify cannot be started.
    """
    return [bool(verdict) for verdict in await _verdicts("same", pairs)]


async def published(pairs: Sequence[Pair]) -> list[tuple[bool, str]]:
    """By the published program's call of math-verify, LaTeX's first match: is it equal, and what is
    read in the answer, such as `1,234`; empty for nothing.

    A right answer in which nothing is read equals every answer. What cannot be decided in time is
    not equal. Raises RunError if math-verify cannot be started.
    """
    found = await _verdicts("published", pairs)
    return [(False, "") if one is None else (bool(one[0]), str(one[1])) for one in found]


async def _verdicts(rule: str, pairs: Sequence[Pair]) -> list[Any]:
    """What the process says of each pair by one of `_RULES`; None for what it was ended over."""
    verdicts: dict[Pair, Any] = {}
    process: Process | None = None
    try:
        for pair in dict.fromkeys(pairs):
            process = process or await _started()
            verdicts[pair] = await _asked(process, rule, pair)
            if verdicts[pair] is None:
                await _end(process)
                process = None
    finally:
        if process is not None:
            await _end(process)
    return [verdicts[pair] for pair in pairs]


async def _started() -> Process:
    command = (sys.executable, "-m", "balcap.evaluation.protocols.prism.math_answers")
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    if await process.stdout.readline() != _READY:
        said = (await process.stderr.read()).decode(errors="replace").strip()
        raise RunError(
            f"math-verify does not start: {said.splitlines()[-1] if said else 'no word'}"
        )
    return process


async def _asked(process: Process, rule: str, pair: Pair) -> Any:
    """The verdict; None if the process did not give one in time, or died over it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([rule, *pair]).encode() + b"\n")
    try:
        await process.stdin.drain()
        line = await asyncio.wait_for(process.stdout.readline(), SECONDS)
    except (TimeoutError, ConnectionError):
        return None
    return json.loads(line) if line else None


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


def _same(truth: str, said: str) -> bool:
    from math_verify import parse, verify

    return bool(verify(*(parse(f"\\boxed{{{text}}}") for text in (truth, said))))


def _published(truth: str, said: str) -> tuple[bool, str]:
    from math_verify import verify

    right, given = _first_latex(truth), _first_latex(said)
    read = str(given[-1]) if given else ""
    # the program gives verify the answer in the truth's place, as text and as formula
    return not right or bool(verify(said, right) or verify(given, right)), read


def _first_latex(text: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    found: list[Any] = parse(f"${text}$", [LatexExtractionConfig()], extraction_mode="first_match")
    return found


_RULES: Mapping[str, Callable[[str, str], Any]] = {"same": _same, "published": _published}


def _serve() -> None:
    """Answer rules with a pair on standard input, a line each, until it is closed."""
    import math_verify  # noqa: F401 - what is wrong with it is told before `_READY`

    print(_READY.decode(), end="", flush=True)
    os.dup2(
        os.open(os.devnull, os.O_WRONLY), 2
    )  # nobody reads its warnings: a full pipe would stop it
    for line in sys.stdin:
        rule, truth, said = json.loads(line)
        print(json.dumps(_RULES[rule](truth, said)), flush=True)


if __name__ == "__main__":
    _serve()
