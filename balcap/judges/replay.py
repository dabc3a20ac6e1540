"""A judge that says what it said before, and nothing else: for audits, re-scoring and tests."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from balcap.config import JudgeSettings
from balcap.errors import UserError, did_you_mean
from balcap.judges.cache.file import AnswerFile, BrokenFileError
from balcap.judges.cache.location import cache_file
from balcap.judges.identity import identity_of, versioned
from balcap.judges.types import Backend, JudgeRequest, Outcome

SHOWN = 80  # characters of a question's beginning and of its end that an error quotes


class Replay(Backend):
    """Recorded answers.

    Args:
        settings: `model` is the judge's name: that on the server of an `endpoint`, the hub id of a
            `local` one. Of a local folder or a script it is the name with its version, such as
            `reader@1a2b3c4d`, or the same path as long as that has not changed.
        file: where they were recorded; it is not written to.

    Raises:
        UserError: if there is no such file, or nothing of that judge in it.
    """

    named_by = "cache"
    model_example = "--judge.model NAME, as it was when the answers were recorded"
    records = False

    def __init__(self, settings: JudgeSettings, file: Path) -> None:
        self._path = file
        self._file = _opened(file)
        self._identity = self._recorded_identity(settings)

    @classmethod
    def of(cls, settings: JudgeSettings) -> Replay:
        """The answers in the cache's file."""
        return cls(settings, _recorded_in(settings))

    @classmethod
    def check(cls, settings: JudgeSettings, asker: str) -> None:
        """It needs a model's name and a file."""
        super().check(settings, asker)
        _recorded_in(settings)

    @property
    def identity(self) -> Mapping[str, Any]:
        """That of the judge who answered."""
        return self._identity

    @property
    def name(self) -> str:
        """Whose answers, from where."""
        return f"{self._identity['model']} as recorded in {self._path}"

    async def answer(self, requests: Sequence[JudgeRequest]) -> AsyncIterator[tuple[int, Outcome]]:
        """Look the answers up. Raises UserError if one is not there: what was not recorded cannot
        be scored, now or later."""
        keys = [request.key(self._identity) for request in requests]
        found = await asyncio.to_thread(self._file.read, keys)
        missing = [request for key, request in zip(keys, requests, strict=True) if key not in found]
        if missing:
            raise UserError(
                f"{len(missing)} of {len(requests)} questions to {self._identity['model']} are not "
                f"recorded in {self._path}; the first is {_shown(missing[0])}; ask it with the "
                "backend that answered (--judge.backend endpoint or local), or give the file that "
                "has it: --judge.cache PATH"
            )
        for number, key in enumerate(keys):
            yield number, found[key]

    def _recorded_identity(self, settings: JudgeSettings) -> Mapping[str, Any]:
        recorded = self._file.judges()
        for model in _names(settings.model or ""):
            for identity in (identity_of(model, settings), {"model": model}):
                if identity in recorded:
                    return identity
        have = list(dict.fromkeys(_described(judge) for judge in recorded))
        raise UserError(
            f"nothing of a judge {settings.model!r} with max_pixels "
            f"{identity_of('', settings)['max_pixels']} is recorded in {self._path}; it has "
            f"{', '.join(have) or 'nothing'}{did_you_mean(settings.model or '', have)}"
        )


def _recorded_in(settings: JudgeSettings) -> Path:
    file = cache_file(settings)
    if file is None:
        raise UserError(
            "judge.cache is off, and the backend replay answers from a file; give it: "
            "--judge.cache PATH"
        )
    return file


def _opened(file: Path) -> AnswerFile:
    if not file.is_file():
        raise UserError(
            f"no recorded answers: there is no file {file}; give the one that a run wrote with "
            "--judge.cache PATH"
        )
    try:
        return AnswerFile(file, read_only=True)
    except (BrokenFileError, sqlite3.Error, OSError) as error:
        raise UserError(
            f"no recorded answers can be read from {file} ({error}); give another file with "
            "--judge.cache PATH"
        ) from error


def _names(model: str) -> list[str]:
    """As it is given; and where that is a folder or a script, as it was recorded."""
    names = [model]
    source, _, function = model.rpartition(":")
    if Path(model).is_dir():
        names.append(versioned(Path(model)))
    elif Path(source).is_file():
        names.append(versioned(Path(source), f"{Path(source).name}:{function}"))
    return names


def _described(judge: Mapping[str, Any]) -> str:
    beside = ", ".join(f"{name} {value}" for name, value in judge.items() if name != "model")
    return f"{judge.get('model')} ({beside})" if beside else str(judge.get("model"))


def _shown(request: JudgeRequest) -> str:
    text = " ".join(request.messages[-1].text.split())
    return repr(text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]} ... {text[-SHOWN:]}")
