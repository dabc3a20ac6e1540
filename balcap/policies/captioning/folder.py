"""What do captions of a data set leave on disk?

OUT/settings.json               what the captions depend on; a second start must agree with it
OUT/captions-00012.parquet      one shard: id, image, caption, tokens, finished, error
OUT/.captions-00012.jsonl       the batches of a shard that is not whole yet
OUT/bad.jsonl                   rows of the data that were left out, by file and row, and images
                                that could not be used, with the reason
OUT/manifest.json               by which policy, how, how many, with which versions

Shard N holds the samples from N times the shard's size on, whoever writes it and however often it
is begun. It appears whole or not at all, and until then each batch stands in a file of its own: a
kill loses the batches in flight and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from balcap.atomic import atomic_write
from balcap.resumable import ResumableFolder

COLUMNS = ("id", "image", "caption", "tokens", "finished", "error")


class CaptionFolder(ResumableFolder):
    """The files of one captioning."""

    noun = "captioning"
    kept = "every whole batch of captions"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.bad = path / "bad.jsonl"
        self.manifest = path / "manifest.json"

    def shard(self, number: int) -> Path:
        """A whole shard."""
        return self.path / f"captions-{number:05d}.parquet"

    def batches(self, number: int) -> Path:
        """What is done of a shard that is not whole."""
        return self.path / f".captions-{number:05d}.jsonl"

    def missing(self, count: int) -> list[int]:
        """Shards, of so many, that are not whole yet."""
        return [number for number in range(count) if not self.shard(number).is_file()]

    def write_shard(self, number: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write a shard, whole. Raises RunError if the disk is full."""
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        table = arrow.table(
            {name: [row[name] for row in rows] for name in COLUMNS}, schema=_schema(arrow)
        )
        place = self.shard(number)
        try:
            with atomic_write(place) as file:
                parquet.write_table(table, file, compression="zstd")
        except OSError as error:
            raise self.full(place, error) from error
        self.batches(number).unlink(missing_ok=True)

    def rows(self, count: int, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The rows of so many whole shards, in the data's order."""
        import pyarrow.parquet as parquet

        for number in range(count):
            yield from parquet.read_table(self.shard(number), columns=list(columns)).to_pylist()


def _schema(arrow: Any) -> Any:
    text, number = arrow.string(), arrow.int32()
    kinds = (text, text, text, number, arrow.bool_(), text)
    return arrow.schema(list(zip(COLUMNS, kinds, strict=True)))
