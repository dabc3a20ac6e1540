"""A quick stand-in for `balcap train`, as the sweeps of the tests start it, and such sweeps.

    python sweep.py train --run=DIR --seconds=S [--breaks=True] [--saves=False] [--curve=0.1,0.2]
    python sweep.py train --resume=DIR

It keeps a run's folder as `balcap train` does: settings first, a checkpoint soon after, the summary
last; Ctrl-C leaves a summary that says so. `starts.txt` has one line for each start.
"""

import json
import sys
import time
from pathlib import Path

import yaml


def main(words: list[str]) -> int:
    given = dict(word.removeprefix("--").split("=", 1) for word in words)
    resumed = "resume" in given
    run = Path(given["resume"] if resumed else given["run"])
    with (run / "starts.txt").open("a") as file:
        file.write("resumed\n" if resumed else "started\n")
    if resumed:
        given = yaml.safe_load((run / "config.yaml").read_text())
    elif (run / "config.yaml").exists():
        print("already holds a run")
        return 2
    (run / "config.yaml").write_text(yaml.safe_dump({"policy": "none", **given}))
    if given.get("breaks") == "True":
        print("a line before\nit broke")
        return 3
    if given.get("saves", "True") == "True":
        (run / "checkpoints" / "checkpoint-1").mkdir(parents=True, exist_ok=True)
        (run / "checkpoints" / "checkpoint-1" / "trainer_state.json").write_text("{}")
    curve = [float(value) for value in given.get("curve", "").split(",") if value]
    (run / "metrics.jsonl").write_text(
        "".join(f"{json.dumps({'step': step, 'm': value})}\n" for step, value in enumerate(curve))
    )
    try:
        (run / "ready").touch()
        time.sleep(0 if resumed else float(given.get("seconds", "0")))
    except KeyboardInterrupt:
        (run / "summary.json").write_text(json.dumps({"interrupted": True}))
        return 130
    score = float(given.get("x", "0"))
    summary = {"after": {"qa": score, "scored": {"qa": 1}}, "interrupted": False}
    (run / "summary.json").write_text(json.dumps(summary))
    return 0


def sweep_file(folder: Path, method: str = "grid", **keys: object) -> Path:
    """A sweep whose runs are this program."""
    command = ["${interpreter}", __file__, "train", "${args}"]
    content = {"method": method, "command": command, **keys}
    file = folder / "quick.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
