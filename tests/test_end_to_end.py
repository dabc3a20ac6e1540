"""From pictures to an evaluation in one script, on next to nothing."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "experiments" / "end_to_end.py"


def test_curated_questions_train_a_captioner_that_is_evaluated(tmp_path: Path) -> None:
    small = "--scenes 12 --pictures 2 --steps 1 --batch 8"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--out", str(tmp_path), *small.split()],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    curated = json.loads((tmp_path / "questions/manifest.json").read_text())
    trained = json.loads((tmp_path / "run/summary.json").read_text())
    held_out = trained["before"]["captions"]
    assert f"{curated['images']['rows'] - held_out} training samples" in done.stdout
    assert trained["steps"] == 1
    assert trained["after"]["scored"]["qa"] == held_out  # the curated questions were put
    for name in ("before", "after"):
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        assert (summary["n_scored"], summary["n_invalid"]) == (2, 0)
    assert done.stdout.rstrip().splitlines()[-1].startswith("| grounding | after |")
