"""What does an evaluation leave on disk, written so that a kill loses at most what was asked last?

OUT/settings.json    what the numbers depend on; a second start must agree with it
OUT/captions.jsonl   captions that a policy wrote for it, as they came
OUT/items.jsonl      one record an item, as they were judged; sorted at the end
OUT/summary.json     the score and all that belongs to it; there once the evaluation is whole
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from balcap.atomic import atomic_write
from balcap.errors import RunError, UserError
from balcap.evaluation.protocol import Record

SETTINGS = "settings.json"


class EvalFolder:
    """The files of one evaluation. Making the object touches nothing on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / SETTINGS
        self.captions = path / "captions.jsonl"
        self.items = path / "items.jsonl"
        self.summary = path / "summary.json"

    def begin(self, identity: Mapping[str, Any]) -> bool:
        """Make the folder, or check that what lies there is of the same evaluation.

        Args:
            identity: what the numbers depend on; plain, nested values.

        Returns:
            Whether an evaluation goes on.

        Raises:
            UserError: naming the first difference, if another evaluation lies there.
        """
        if self.settings.is_file():
            before = read_json(self.settings)
            if different := differences(before, identity):
                name, (old, new) = next(iter(different.items()))
                raise UserError(
                    f"{self.path} holds an evaluation with {name} = {old!r}, and now it is {new!r};"
                    " give the same settings to resume it, or another folder: --out DIR"
                )
            return True
        for file in (self.items, self.captions, self.summary):
            if file.exists():
                raise UserError(
                    f"{self.path} has {file.name} and no {SETTINGS}, so it is no evaluation "
                    "that can go on; give another folder: --out DIR"
                )
        self._write(self.settings, json.dumps(identity, indent=1) + "\n")
        return False

    def append(self, file: Path, lines: Sequence[Mapping[str, Any]]) -> None:
        """Add lines to one of the .jsonl files. Raises RunError if the disk is full."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        try:
            with file.open("a", encoding="utf-8") as opened:
                opened.write(text)
        except OSError as error:
            raise self._full(file, error) from error

    def lines(self, file: Path) -> list[dict[str, Any]]:
        """The whole lines of a .jsonl file, none if it is not there.

        A line that a kill cut short is left out, and taken off the file: the next one that is
        added must not continue it.
        """
        if not file.is_file():
            return []
        content = file.read_bytes()
        read = list(_whole_lines(content))
        if content and (not content.endswith(b"\n") or len(read) < content.count(b"\n")):
            self.rewrite(file, read)
        return read

    def rewrite(self, file: Path, lines: Iterable[Mapping[str, Any]]) -> None:
        """Replace a .jsonl file."""
        self._write(file, "".join(json.dumps(line) + "\n" for line in lines))

    def records(self) -> dict[str, Record]:
        """The finished items, by id."""
        read = (Record.read(line) for line in self.lines(self.items))
        return {record.id: record for record in read}

    def close(self, records: Sequence[Record], summary: Mapping[str, Any]) -> None:
        """Sort the records, and write the summary."""
        self.rewrite(self.items, [record.line() for record in records])
        text = json.dumps(summary, indent=1, allow_nan=False)
        self._write(self.summary, text + "\n")

    def _write(self, file: Path, text: str) -> None:
        """Write a file that appears under its name only when it is complete."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(file) as draft:
                draft.write(text.encode())
        except OSError as error:
            raise self._full(file, error) from error

    def _full(self, file: Path, error: OSError) -> RunError:
        return RunError(
            f"cannot write {file}: {error.strerror}; what was judged before is kept, and the same "
            "command resumes from there"
        )


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises UserError if there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {file}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file} is not a JSON object, as balcap eval writes it")
    return content


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Old and new value of each dotted name that two nested mappings do not share."""
    old, new = dict(_flat(before)), dict(_flat(now))
    names = dict.fromkeys([*old, *new])
    return {n: (old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)}


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _whole_lines(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.splitlines():
        try:
            read = json.loads(line)
        except ValueError:
            continue
        if isinstance(read, dict):
            yield read
