"""The journal -> verdicts, rows, report and manifest: nobody is asked, so rules can be changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import balcap
from balcap.atomic import atomic_write
from balcap.config import CurateSettings
from balcap.curation.engine import Failed
from balcap.curation.folder import CurationFolder
from balcap.curation.pictures import Pictures
from balcap.curation.rules import readable
from balcap.curation.target import AnyTarget
from balcap.data import spec
from balcap.data.files import image_root
from balcap.digest import sha256_of
from balcap.resumable import Journal
from balcap.types import Sample

UNUSABLE = "unusable answer"
"""The rule of an image of which the writer said nothing that can be read."""


def identity(target: AnyTarget, settings: CurateSettings) -> dict[str, Any]:
    """What the answers depend on. Rows may be added to the data: only those are asked about."""
    return {
        "what": target.name,
        "data": settings.data,
        "judges": {name: dict(one.shared.backend.identity) for name, one in target.judges.items()},
        "prompts": {prompt.name: prompt.sha256 for prompt in target.prompts},
        "settings": dict(target.depends_on),
    }


def write_result(
    target: AnyTarget,
    samples: Sequence[Sample],
    journal: Journal,
    failed: Failed,
    folder: CurationFolder,
    settings: CurateSettings,
) -> dict[str, Any]:
    """Write every file of the result; the same journal and rules give the same bytes.

    Returns:
        The report.

    Raises:
        RunError: if the disk is full.
    """
    try:
        with atomic_write(folder.verdicts) as verdicts, atomic_write(folder.rows) as rows:
            counts = _write_lines(target, samples, journal, _rows(folder, settings), verdicts, rows)
    except OSError as error:
        raise folder.full(folder.rows, error) from error
    counts["images"]["failed"] = len(failed)
    report = counts | {"failed": {name: str(failed[name]) for name in sorted(failed)}}
    folder.write(folder.report, json.dumps(report, indent=1, allow_nan=False) + "\n")
    manifest = identity(target, settings) | {
        "balcap": balcap.__version__,
        "license": settings.license or None,
        "data_sha256": _data_digest(settings),
        "rules": dict(target.rules),
        "images": report["images"],
        "written": report["written"],
        "kept": report["kept"],
        "files": folder.digests(),
    }
    folder.write(folder.manifest, json.dumps(manifest, indent=1) + "\n")
    return report


def _write_lines(
    target: AnyTarget,
    samples: Sequence[Sample],
    journal: Journal,
    made: _Rows,
    verdicts: IO[bytes],
    rows: IO[bytes],
) -> dict[str, Any]:
    """Write verdicts and rows, image by image; returns what is counted."""
    tally = target.tally()
    images = {"asked": 0, "unusable": 0, "rows": 0}
    for sample, entry in zip(samples, journal.read(one.id for one in samples), strict=True):
        if entry is None:
            continue
        found = target.verdicts(entry)
        tally.add(found)
        for line in _lines(sample.id, entry, [verdict.line() for verdict in found]):
            verdicts.write(_json(line))
        columns = target.columns(found)
        if columns:
            rows.write(_json(made.row(sample, columns)))
        images["asked"] += 1
        images["unusable"] += "problem" in entry
        images["rows"] += bool(columns)
    return {"images": images, **tally.plain()}


def _lines(
    name: str, entry: Mapping[str, Any], found: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    if "problem" in entry:
        yield {"id": name, "kept": False, "rule": UNUSABLE, "problem": entry["problem"]}
    for number, line in enumerate(found):
        yield {"id": name, "number": number, **line}


class _Rows:
    """Rows of the result: what the data say of an image, and what was written."""

    def __init__(self, pictures: Pictures, prompt: str) -> None:
        self._pictures = pictures
        self._prompt = prompt

    def row(self, sample: Sample, columns: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"id": sample.id, "image": self._pictures.name(sample)}
        if sample.prompt != self._prompt:
            found["prompt"] = sample.prompt
        if sample.reference is not None:
            found["caption"] = sample.reference
        if sample.facts:
            found["facts"] = list(sample.facts)
        if sample.questions:
            found["questions"] = [readable(question) for question in sample.questions]
        others = {k: v for k, v in sample.metadata.items() if k not in found and _is_plain(v)}
        return {**found, **others, **columns}


def _rows(folder: CurationFolder, settings: CurateSettings) -> _Rows:
    kind, path = spec(settings.data)
    root = Path() if kind == "shapes" else image_root(path, settings.images)
    return _Rows(Pictures(folder.path, root), settings.prompt)


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _json(line: Mapping[str, Any]) -> bytes:
    return (json.dumps(line, allow_nan=False) + "\n").encode()


def _data_digest(settings: CurateSettings) -> str | None:
    """SHA-256 of the data's file; None where it is not one file."""
    file = Path(spec(settings.data)[1]).expanduser()
    return sha256_of(file) if file.is_file() else None
