"""How long do many rows take before the first step, and how much memory?

    python experiments/bench/rows.py --rows 1200000

Writes a JSONL file whose rows share small JPEGs, and a Parquet file with a JPEG in each row, and
reads each twice, in new processes. `--train` adds, twice, a training of one step on a tiny policy.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as arrow
from PIL import Image
from pyarrow import parquet

from balcap.console import table

SHARED = 30  # rows a file, of the JSONL
GROUP = 10_000  # rows of a row group
SIDE = 64  # pixels
WORDS = (
    "a",
    "red",
    "blue",
    "green",
    "small",
    "large",
    "ball",
    "cube",
    "left",
    "right",
    "of",
    "the",
)


def jpeg(number: int) -> bytes:
    """A picture that no other number has."""
    rng = random.Random(number)
    picture = Image.frombytes("RGB", (8, 8), rng.randbytes(192)).resize((SIDE, SIDE))
    stream = io.BytesIO()
    picture.save(stream, "JPEG")
    return stream.getvalue()


def caption(number: int) -> str:
    return " ".join(random.Random(number).choices(WORDS, k=40))


def make_lines(folder: Path, rows: int) -> Path:
    """Rows of a JSONL file, with its images in folders of a thousand."""
    for number in range(max(2, rows // SHARED)):
        file = folder / "images" / str(number // 1000) / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(jpeg(number))
    images = max(2, rows // SHARED)
    path = folder / "rows.jsonl"
    with path.open("w") as lines:
        for number in range(rows):
            image = number % images
            row = {
                "id": f"row-{number}",
                "image": f"images/{image // 1000}/{image}.jpg",
                "caption": caption(number),
            }
            lines.write(json.dumps(row) + "\n")
    return path


def make_table(folder: Path, rows: int) -> Path:
    """The same captions in a Parquet file, each with a picture of its own."""
    path = folder / "rows.parquet"
    fields = [("id", arrow.string()), ("image", arrow.struct([("bytes", arrow.binary())]))]
    schema = arrow.schema([*fields, ("caption", arrow.string())])
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, GROUP):
            made = [
                {"id": f"row-{n}", "image": {"bytes": jpeg(n)}, "caption": caption(n)}
                for n in range(start, min(rows, start + GROUP))
            ]
            writer.write_table(arrow.Table.from_pylist(made, schema=schema))
    return path


def read(data: str, check: str) -> None:
    """In a process of its own: load, open one image, and print what it took."""
    from balcap.config import DataSettings
    from balcap.data import load

    began, used = time.perf_counter(), time.process_time()
    loaded = load(DataSettings(data=data, check_images=check))  # type: ignore[arg-type]
    loaded.train[len(loaded.train) // 2].open_image()
    taken = {"wall": time.perf_counter() - began, "cpu": time.process_time() - used}
    print(json.dumps({**taken, "rows": len(loaded.train) + len(loaded.held_out), **memory()}))


def memory() -> dict[str, float]:
    """Peak of the resident pages, and those that no file backs at the end, in GB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    anonymous = next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)
    return {"peak": peak, "anonymous": anonymous * 1024 / 1e9}


def measured(data: str, check: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--read", data, "--check-images", check],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def trained(data: str, folder: Path) -> str:
    """Seconds of `balcap train --steps 1`, without an evaluation, and its data line."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "balcap", "train", "--data", data, "--policy"]
    options = ["tiny-qwen2.5-vl", "--rewards", "fluency", "--steps", "1", "--batch", "16"]
    limits = ["--max-tokens", "32", "--eval-samples", "4"]
    run = ["--run", str(folder / f"run-{time.time_ns()}")]
    done = subprocess.run(
        [*command, *options, *limits, *run],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    first = next(line for line in done.stdout.splitlines() if line.startswith("step 1/"))
    return f"{time.perf_counter() - began:.1f} s to the end ({first})"


def rows_of(args: argparse.Namespace, folder: Path) -> Iterator[dict[str, str]]:
    makers = {"jsonl": make_lines, "parquet": make_table}
    for kind in args.kinds.split(","):
        path = makers[kind](folder, args.rows)
        size = path.stat().st_size / 1e6
        for start in ("first", "second"):
            found = measured(f"records:{path}", args.check_images)
            assert found["rows"] == args.rows
            yield {
                "data": f"{kind}, {size:,.0f} MB",
                "start": start,
                "CPU s": f"{found['cpu']:.1f}",
                "wall s": f"{found['wall']:.1f}",
                "peak GB": f"{found['peak']:.2f}",
                "anonymous GB": f"{found['anonymous']:.2f}",
            }
        for number in range(2 * args.train):
            told = trained(f"records:{path}", folder)
            print(f"{kind}, training {number + 1}: {told}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--kinds", default="jsonl,parquet")
    parser.add_argument("--check-images", default="full", choices=("full", "header", "exists"))
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--folder", type=Path, help="keep the files here")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read(args.read, args.check_images)
        return
    with tempfile.TemporaryDirectory() as made:
        os.environ["BALCAP_CACHE"] = str(Path(made) / "cache")  # so that the first start is one
        folder = args.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        print(table(list(rows_of(args, folder))))


if __name__ == "__main__":
    main()
