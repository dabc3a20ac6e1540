"""A folder in which long work goes on where it stopped, whatever stopped it.

DIR/settings.json    what the results depend on; a second start must agree with it
DIR/*.jsonl          what is done, a line each, added as it comes
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from balcap.atomic import atomic_write
from balcap.errors import RunError, UserError

SETTINGS = "settings.json"


class ResumableFolder:
    """The files of one piece of work. Making the object touches nothing on disk.

    Attributes:
        noun: what the work is, for messages.
        kept: what is kept when it stops, for messages.
        path: the folder.
        settings: what the results depend on.
    """

    noun: ClassVar[str]
    kept: ClassVar[str] = "what was done before"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / SETTINGS

    @property
    def others(self) -> Sequence[Path]:
        """Files that cannot be there without the settings."""
        return ()

    def begin(self, identity: Mapping[str, Any]) -> bool:
        """Make the folder, or check that what lies there is the same work.

        Args:
            identity: what the results depend on; plain, nested values.

        Returns:
            Whether it goes on.

        Raises:
            UserError: naming the first difference, if something else lies there.
        """
        if self.settings.is_file():
            before = read_json(self.settings)
            if different := differences(before, identity):
                name, (old, new) = next(iter(different.items()))
                raise UserError(
                    f"{self.path} holds another {self.noun}, with {name} = {old!r}, and now it "
                    f"is {new!r}; give the same settings to resume it, or another folder: --out DIR"
                )
            return True
        for file in self.others:
            if file.exists():
                raise UserError(
                    f"{self.path} has {file.name} and no {SETTINGS}, so it is no {self.noun} "
                    "that can go on; give another folder: --out DIR"
                )
        self.write(self.settings, json.dumps(identity, indent=1) + "\n")
        return False

    def append(self, file: Path, lines: Sequence[Mapping[str, Any]]) -> None:
        """Add lines to one of the .jsonl files. Raises RunError if the disk is full."""
        text = "".join(json.dumps(line) + "\n" for line in lines)
        try:
            with file.open("a", encoding="utf-8") as opened:
                opened.write(text)
        except OSError as error:
            raise self.full(file, error) from error

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
        self.write(file, "".join(json.dumps(line) + "\n" for line in lines))

    def write(self, file: Path, text: str) -> None:
        """Write a file that appears under its name only when it is complete."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(file) as draft:
                draft.write(text.encode())
        except OSError as error:
            raise self.full(file, error) from error

    def full(self, file: Path, error: OSError) -> RunError:
        """The error of a file that cannot be written."""
        return RunError(
            f"cannot write {file}: {error.strerror}; {self.kept} is kept, and the same "
            "command resumes from there"
        )


class Journal:
    """One .jsonl file of a folder, a line with an `id` each: which are there, and what they say.

    Only ids and places are in memory, so that a file may have millions of lines. Of two lines of
    one id the later one counts; one that cannot be read does not. A line that a kill cut short is
    taken off the file.
    """

    def __init__(self, folder: ResumableFolder, file: Path) -> None:
        self._folder = folder
        self._file = file
        self._places: dict[str, int] = {}
        whole = 0
        if file.is_file():
            with file.open("rb") as opened:
                for line in opened:
                    if not line.endswith(b"\n"):
                        break
                    if (name := _id_of(line)) is not None:
                        self._places[name] = whole
                    whole += len(line)
            if whole < file.stat().st_size:
                os.truncate(file, whole)
        self._end = whole

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, line: Mapping[str, Any]) -> None:
        """Add a line. Raises RunError if the disk is full."""
        self._folder.append(self._file, [line])
        self._places[line["id"]] = self._end
        self._end = self._file.stat().st_size

    def read(self, names: Iterable[str]) -> Iterator[dict[str, Any] | None]:
        """Yield what is said of each id, in their order; None for one that is not there."""
        if not self._file.is_file():
            yield from (None for _ in names)
            return
        with self._file.open("rb") as opened:
            for name in names:
                if name not in self._places:
                    yield None
                    continue
                opened.seek(self._places[name])
                found: dict[str, Any] = json.loads(opened.readline())
                yield found


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises UserError if there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {file}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file} is not a JSON object, as balcap writes it")
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


def _id_of(line: bytes) -> str | None:
    """The id in a line; None if there is none to read."""
    try:
        return str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError):
        return None


def _whole_lines(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.splitlines():
        try:
            read = json.loads(line)
        except ValueError:
            continue
        if isinstance(read, dict):
            yield read
