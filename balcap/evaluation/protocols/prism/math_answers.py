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
from collections.abc import Sequence
from importlib.util import find_spec

from balcap.errors import RunError, UserError

SECONDS = 30  # for one pair; math-verify's own limits are 5 for reading, 5 for comparing
_READY = b"ready\n"

Pair = tuple[str, str]
"""The right answer, and the one that was given."""


def check_installed() -> None:
    """Raise UserError if math-verify is not there."""
    if find_spec("math_verify") is None:
        raise UserError(
            "answers of this data are marked as mathematics, which needs math-verify: "
            "pip install 'balcap[math]', or choose another way with --scorer relaxed"
        )


async def same(pairs: Sequence[Pair]) -> list[bool]:
    """Whether the answers of each pair mean the same; False for one that cannot be decided in time.

    Raises:
        RunError: if math-verify cannot be started.
    """
    verdicts: dict[Pair, bool] = {}
    process: Process | None = None
    try:
        for pair in dict.fromkeys(pairs):
            process = process or await _started()
            verdict = await _asked(process, pair)
            verdicts[pair] = bool(verdict)
            if verdict is None:
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


async def _asked(process: Process, pair: Pair) -> bool | None:
    """The verdict; None if the process did not give one in time, or died over it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(pair).encode() + b"\n")
    try:
        await process.stdin.drain()
        line = await asyncio.wait_for(process.stdout.readline(), SECONDS)
    except (TimeoutError, ConnectionError):
        return None
    return bool(json.loads(line)) if line else None


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


def _serve() -> None:
    """Answer pairs on standard input, a line each, until it is closed."""
    from math_verify import parse, verify

    print(_READY.decode(), end="", flush=True)
    os.dup2(
        os.open(os.devnull, os.O_WRONLY), 2
    )  # nobody reads its warnings: a full pipe would stop it
    for line in sys.stdin:
        truth, said = (parse(f"\\boxed{{{text}}}") for text in json.loads(line))
        print(json.dumps(bool(verify(truth, said))), flush=True)


if __name__ == "__main__":
    _serve()
