"""Which rows are in a file of user data, and how does its reader count them?"""

from __future__ import annotations

import csv
import glob
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from balcap.data import compressed
from balcap.data.json_rows import EXPECTED, read_json, read_lines
from balcap.data.row import Row, numbered
from balcap.errors import UserError

LINES = (".jsonl", ".jsonlines", ".ndjson")
SEPARATORS = {".csv": ",", ".tsv": "\t"}
_TABLES = (".parquet", ".tar")
_SUFFIXES = (".json", *LINES, *SEPARATORS, *_TABLES)


def files_of(path: str) -> list[Path]:
    """The file of that name, or those that a pattern such as `shards/*.tar` matches, in the order
    of their names. Empty if there is none."""
    file = Path(path).expanduser()
    if file.is_file():
        return [file]
    if not glob.has_magic(path) or file.is_dir():
        return []
    return [
        Path(name) for name in sorted(glob.glob(str(file), recursive=True)) if Path(name).is_file()
    ]


def read_rows(path: str) -> Iterator[Row]:
    """Read a JSON, JSONL, CSV, TSV, Parquet or tar file, several of them by a pattern, a saved data
    set, or `hf:NAME` (see `tables`). All but Parquet and tar may be compressed.

    Raises:
        UserError: if it is missing, empty, of an unknown form, or broken as a whole.
    """
    from balcap.data import tables

    if path.startswith("hf:") or tables.saved_folder(path) is not None:
        return numbered(tables.read_dataset(path))
    files = files_of(path)
    if not files and Path(path).expanduser().is_dir():
        raise UserError(
            f"{path} is a folder, and not one that datasets.save_to_disk wrote; name a file, "
            f"several as '{path.rstrip('/')}/*.jsonl', or hf:{path} to let the datasets library "
            "look into it"
        )
    if not files:
        raise UserError(f"no file {path}; name a {', '.join(_SUFFIXES)} file, or hf:NAME")
    if len(files) == 1:
        return _read_file(files[0])
    return (replace(row, file=str(file)) for file in files for row in _read_file(file))


def _read_file(file: Path) -> Iterator[Row]:
    if file.stat().st_size == 0:
        raise UserError(f"{file} is empty; expected {EXPECTED}")
    suffix = compressed.suffix_of(file)
    if suffix in _TABLES and not compressed.is_compressed(file):
        return numbered(_read_table(file, suffix))
    if suffix in LINES:
        return read_lines(file)
    if suffix == ".json":
        return read_json(file)
    if suffix in SEPARATORS:
        return _read_separated(file, SEPARATORS[suffix])
    raise UserError(
        f"cannot read {file}: its name ends in {suffix or 'nothing known'}; "
        f"have {', '.join(_SUFFIXES)}, all but the last two also with "
        f"{', '.join(compressed.SUFFIXES)}, or hf:NAME"
    )


def _read_table(file: Path, suffix: str) -> Iterator[dict[str, Any]]:
    from balcap.data import tables, tar

    return tables.read_parquet(file) if suffix == ".parquet" else tar.read_tar(file)


def _read_separated(file: Path, separator: str) -> Iterator[Row]:
    """Rows of a CSV or TSV file, whose first line has the columns; an empty cell is none."""
    csv.field_size_limit(2**31 - 1)  # a caption may be longer than the 131,072 of the default
    try:
        with compressed.opened(file) as stream:
            text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
            for number, row in enumerate(csv.DictReader(text, delimiter=separator), 1):
                if None in row:
                    most = len(row) - 1
                    yield Row(number, None, f"has more cells than the {most} columns of line 1")
                else:
                    yield Row(number, {name: cell or None for name, cell in row.items()})
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text: {error}") from None
