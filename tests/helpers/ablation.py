"""A quick stand-in for `balcap train`, as an ablation of the tests starts it.

    python ablation.py train --run=DIR --rewards=... --seed=S ...

Its scores are known: see `AFTER`. A run whose folder the variable HANGS names waits to be killed.
`starts.txt` beside the run's folder has one line for each start.
"""

import json
import os
import sys
import time
from pathlib import Path

AFTER = {"cov": 0.5, "fluency": 0.5, "precision": 0.5, "fact_f1": 0.4, "words": 30.0}


def qa(rewards: str, seed: int) -> float:
    """Utility alone adds 0.1 with seed 0 and 0.3 with seed 1."""
    return 0.5 + (0.1 + 0.2 * seed if rewards == "qa" else 0.0)


def main(words: list[str]) -> int:
    given = dict(word.removeprefix("--").split("=", 1) for word in words)
    run = Path(given["run"])
    with (run.parent / "starts.txt").open("a") as file:
        file.write(f"{run.name}\n")
    if os.environ.get("HANGS") == run.name:
        time.sleep(60)
    (run / "config.yaml").write_text("policy: none\n")
    after = AFTER | {"qa": qa(given["rewards"], int(given["seed"]))}
    summary = {"after": after, "interrupted": False}
    (run / "summary.json").write_text(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
