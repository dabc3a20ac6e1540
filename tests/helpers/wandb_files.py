"""What stands in an offline run of wandb? Its file is a LevelDB log of protobuf records.

wandb 0.31 has no reader of its own in Python any more (nor `wandb sync --view`).
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32 * 1024
FILE_HEADER, RECORD_HEADER = 7, 7  # bytes; a record's: checksum (4), length (2), kind (1)
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(file: Path) -> Iterator[Any]:
    """The records of a .wandb file."""
    from wandb.proto import wandb_internal_pb2

    content = file.read_bytes()
    assert content.startswith(b":W&B")
    place, parts = FILE_HEADER, b""
    while place + RECORD_HEADER <= len(content):
        if BLOCK - place % BLOCK < RECORD_HEADER:  # too short for a header: padding
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        place += RECORD_HEADER
        parts = (b"" if kind in (FULL, FIRST) else parts) + content[place : place + length]
        place += length
        if kind in (FULL, LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record


def history(file: Path) -> list[dict[str, Any]]:
    """What was logged, one mapping a step."""
    return [items(record.history) for record in records(file) if record.HasField("history")]


def summary(file: Path) -> dict[str, Any]:
    """The summary as the run itself set it."""
    found: dict[str, Any] = {}
    for record in records(file):
        if record.HasField("summary"):
            found |= {item.key: json.loads(item.value_json) for item in record.summary.update}
    return found


def tables(file: Path, name: str) -> dict[str, Path]:
    """The files that `wandb sync` would send for a logged table, by their place in it."""
    found = {}
    for record in records(file):
        entries = record.artifact.manifest.contents if record.HasField("artifact") else []
        contents = {entry.path: Path(entry.local_path) for entry in entries}
        found |= contents if f"{name}.table.json" in contents else {}
    return found


def config(file: Path) -> dict[str, Any]:
    """The settings of the run."""
    found: dict[str, Any] = {}
    for record in records(file):
        updates = record.run.config.update if record.HasField("run") else record.config.update
        found |= {item.key: json.loads(item.value_json) for item in updates}
    return found


def items(message: Any) -> dict[str, Any]:
    found = {}
    for item in message.item:
        found["/".join(item.nested_key) or item.key] = json.loads(item.value_json)
    return found
