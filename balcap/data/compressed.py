"""Which bytes does a data file hold, compressed or not?"""

from __future__ import annotations

from pathlib import Path

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
    codec = _CODECS.get(file.suffix.casefold())
    if codec is None:
        return file.read_bytes()
    import pyarrow

    try:
        with pyarrow.input_stream(str(file), compression=codec) as stream:
            content: bytes = stream.read()
    except OSError as error:
        raise UserError(f"{file} is not a whole {codec} file: {error}") from None
    return content
