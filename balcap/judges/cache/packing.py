"""How is a question kept small? Packed with another question of its form as the dictionary.

Questions of one form (of one head, say) share their instructions. Packed by itself a question of
`qa` takes half of its 1.6 kB; with the first one of its form as zlib's dictionary, a sixth.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Mapping
from typing import Any

TABLE = """CREATE TABLE IF NOT EXISTS dictionaries (
    id INTEGER PRIMARY KEY, form TEXT NOT NULL UNIQUE, content BLOB NOT NULL
)"""
_NUMBER = 4  # bytes before what is packed: the dictionary's number
_LONGEST = 32_768  # bytes of a dictionary that zlib looks at


class Packer:
    """Packs questions and unpacks them, with the dictionaries of one file.

    Args:
        connection: to the file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._by_form: dict[str, tuple[int, bytes]] = {}
        self._by_number: dict[int, bytes] = {}

    def pack(self, content: Mapping[str, Any]) -> bytes:
        """A question as bytes; inside of a transaction, for a new form gets its dictionary here.

        Args:
            content: as `JudgeRequest.content` gives it.
        """
        raw = json.dumps(content).encode()
        number, dictionary = self._dictionary(_form(content), raw)
        packer = zlib.compressobj(zdict=dictionary)
        return number.to_bytes(_NUMBER, "big") + packer.compress(raw) + packer.flush()

    def forget(self) -> None:
        """Look dictionaries up anew: a transaction that made one was rolled back."""
        self._by_form.clear()

    def unpack(self, kept: bytes | str) -> dict[str, Any]:
        """What was packed; texts are questions of older versions, which were not."""
        if isinstance(kept, bytes):
            dictionary = self._numbered(int.from_bytes(kept[:_NUMBER], "big"))
            kept = zlib.decompressobj(zdict=dictionary).decompress(kept[_NUMBER:]).decode()
        content: dict[str, Any] = json.loads(kept)
        return content

    def _dictionary(self, form: str, raw: bytes) -> tuple[int, bytes]:
        if form not in self._by_form:
            self._connection.execute(
                "INSERT OR IGNORE INTO dictionaries (form, content) VALUES (?, ?)",
                (form, raw[-_LONGEST:]),
            )
            self._by_form[form] = self._connection.execute(
                "SELECT id, content FROM dictionaries WHERE form = ?", (form,)
            ).fetchone()
        return self._by_form[form]

    def _numbered(self, number: int) -> bytes:
        if number not in self._by_number:
            (self._by_number[number],) = self._connection.execute(
                "SELECT content FROM dictionaries WHERE id = ?", (number,)
            ).fetchone()
        return self._by_number[number]


def _form(content: Mapping[str, Any]) -> str:
    """What questions of one kind have in common: all but their texts, pictures and draw."""
    alike = {name: value for name, value in content.items() if name not in ("messages", "draw")}
    return json.dumps([alike, [message["role"] for message in content["messages"]]], sort_keys=True)
