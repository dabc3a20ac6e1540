"""Which bytes does a data file hold, compressed or not?"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from balcap.errors import UserError

_CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
SUFFIXES = tuple(_CODECS)


def is_compressed(file: Path) -> bool:
    """Whether its name says so."""
    return file.suffix.casefold() in _CODECS


def suffix_of(file: Path) -> str:
    """The suffix of what it holds, in lower case: `.jsonl` for `captions.JSONL.gz`."""
    return Path(file.stem if is_compressed(file) else file.name).suffix.casefold()


def read_bytes(file: Path) -> bytes:
    """What a file holds, whole. Raises UserError if its compression is broken."""
    with opened(file) as stream:
        return stream.read()


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """A stream of what a file holds, so that it need not be in memory whole.

    Raises:
        UserError: where it is read, if its compression is broken.
    """
    codec = _CODECS.get(file.suffix.casefold())
    if codec is None:
        with file.open("rb") as plain:
            yield plain
        return
    import pyarrow

    try:
        with pyarrow.input_stream(str(file), compression=codec) as stream:
            yield cast(IO[bytes], io.BufferedReader(stream, 1 << 20))
    except OSError as error:
        raise UserError(f"{file} is not a whole {codec} file: {error}") from None
