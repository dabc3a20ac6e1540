"""From pictures to a better captioner without a download: curate, train, caption, evaluate.

    python experiments/end_to_end.py [--out runs/end-to-end]

1. `balcap curate` has questions written about scenes of the built-in world, by its own judge;
2. `balcap train` trains on them, with `qa` and `fluency` as rewards;
3. `balcap caption` captions a folder of other scenes, before and after;
4. `balcap eval grounding` counts how much of these captions is true, and how much is said.

Stopped and started again with the same folder, curation goes on; a training that is there is used.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from pathlib import Path

from balcap.cli import main as run
from balcap.config import DataSettings, ShapesSettings
from balcap.data import load

POLICY = "tiny-qwen2.5-vl"


def balcap(*words: object) -> str:
    """Run a command in this process, show it, and return what it prints.

    Raises:
        SystemExit: if it fails, with its exit code.
    """
    line = [str(word) for word in words]
    shown = [word for word in line if not word.endswith(".png")]
    print("$ balcap", *shown, "" if shown == line else "*.png", flush=True)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = run(line)
    if code:
        raise SystemExit(code)
    return said.getvalue()


def write_pictures(folder: Path, count: int) -> list[Path]:
    """Held-out scenes as files, named by their ids."""
    folder.mkdir(parents=True, exist_ok=True)
    held_out = load(DataSettings(shapes=ShapesSettings(train=1), eval_samples=count)).held_out
    files = []
    for sample in held_out:
        files.append(folder / f"{sample.id}.png")
        sample.open_image().save(files[-1])
    return files


def captioned(policy: str, pictures: list[Path], file: Path) -> Path:
    """Caption pictures; returns the file `{id: caption}`."""
    said = balcap("caption", "--policy", policy, "--json", *pictures)
    rows = [json.loads(line) for line in said.splitlines()]
    file.write_text(json.dumps({Path(row["image"]).stem: row["caption"] for row in rows}))
    return file


def main() -> None:
    """Run all four."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/end-to-end"))
    parser.add_argument("--scenes", type=int, default=300, help="that questions are written about")
    parser.add_argument("--pictures", type=int, default=100, help="that are captioned")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, help="captions a step; default: the policy's")
    given = parser.parse_args()
    questions, trained = given.out / "questions", given.out / "run"

    print(balcap("curate", "--limit", given.scenes, "--out", questions))
    if not (trained / "summary.json").exists():
        batch = ("--batch", given.batch) if given.batch else ()
        print(balcap(
            "train", "--data", f"caption-qa:{questions}/questions.jsonl", "--policy", POLICY,
            "--rewards", "qa,fluency", "--steps", given.steps, "--eval-samples", 16,
            "--run", trained, *batch,
        ))  # fmt: skip
    pictures = write_pictures(given.out / "pictures", given.pictures)
    for name, policy in (("before", POLICY), ("after", str(trained))):
        captions = captioned(policy, pictures, given.out / f"{name}.json")
        limit = ("--limit", given.pictures)
        print(
            balcap("eval", "grounding", "--captions", captions, *limit, "--out", given.out / name)
        )
    print(balcap("eval", "compare", given.out / "before", given.out / "after"))


if __name__ == "__main__":
    main()
