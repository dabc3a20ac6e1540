"""What does it cost to caption a data set so that a kill loses nothing?

    python experiments/bench/captions.py [--scenes 2000] [--engines local,ray] [--workers 2]

Captions scenes of the shapes world with the embedded policy: by bare `generate`, batch after batch,
in this process; by `balcap caption --data` (`local`); and by the same on Ray Data (`ray`). Seconds
of the commands count from their start, with all imports and the loading; those of bare `generate`
are given with and without the loading. The captions of all ways must be equal.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as parquet
from shared.steps import writes_plainly

from balcap.config import ModelSettings
from balcap.config.data import DataSettings, ShapesSettings
from balcap.console import say, table
from balcap.data import load as load_data
from balcap.policies import load_to_write
from balcap.policies.generation import Sampling, write_captions

POLICY, BATCH, TOKENS = "tiny-qwen2.5-vl", 128, 64


def bare(scenes: int) -> tuple[list[str], float, float]:
    """Captions of transformers' `generate`; seconds of loading and of writing."""
    began = time.perf_counter()
    policy = writes_plainly(load_to_write(ModelSettings(policy=POLICY)))
    world = DataSettings(data="shapes", eval_samples=0, shapes=ShapesSettings(train=scenes))
    samples = load_data(world).train
    loaded = time.perf_counter()
    captions = write_captions(policy, samples, Sampling(max_tokens=TOKENS, batch=BATCH))
    texts = [caption.text for caption in captions]
    return texts, loaded - began, time.perf_counter() - loaded


def by_command(scenes: int, out: Path, *more: str) -> tuple[list[str], float]:
    """Captions of `balcap caption --data`, and seconds from start to end."""
    words = [
        "caption", "--policy", POLICY, "--data", "shapes", "--limit", str(scenes),
        "--batch", str(BATCH), "--max-tokens", str(TOKENS), "--out", str(out), *more,
    ]  # fmt: skip
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "balcap", *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    seconds = time.perf_counter() - began
    files = sorted(out.glob("captions-*.parquet"))
    rows = [row for file in files for row in parquet.read_table(file).to_pylist()]
    return [row["caption"] for row in rows], seconds


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--scenes", type=int, default=2000)
    arguments.add_argument("--engines", default="local,ray")
    arguments.add_argument("--workers", type=int, default=2)
    asked = arguments.parse_args()
    texts, loading, writing = bare(asked.scenes)
    rows = [_row("generate alone", asked.scenes, writing, writing)]
    rows.append(_row("generate, with loading", asked.scenes, loading + writing, writing))
    ways = {"local": [], "ray": ["--engine", "ray", "--workers", str(asked.workers)]}
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.engines.split(","):
            captions, seconds = by_command(asked.scenes, Path(folder) / name, *ways[name])
            if captions != texts:
                raise SystemExit(f"{name} wrote other captions than generate")
            rows.append(_row(f"balcap caption, {name}", asked.scenes, seconds, writing))
    say(table(rows))
    say(f"\n{asked.scenes} scenes, {POLICY}, batches of {BATCH}; all captions are equal")


def _row(name: str, scenes: int, seconds: float, writing: float) -> dict[str, str]:
    return {
        "": name,
        "seconds": f"{seconds:.1f}",
        "captions a second": f"{scenes / seconds:.1f}",
        "of generate": f"{writing / seconds:.2f}",
    }


if __name__ == "__main__":
    main()
