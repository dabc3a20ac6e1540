"""A sweep of real trainings: each run holds its own folder while the sweep holds it too."""

import json
from pathlib import Path

import pytest
import yaml

from balcap.cli import main


def test_a_search_over_two_weights_trains_every_run(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    file, out = tmp_path / "weights.yaml", tmp_path / "out"
    weight = {"distribution": "uniform", "min": 0.1, "max": 3.0}
    content = {
        "method": "bayes",
        "metric": {"name": "after/harmonic_mean", "goal": "maximize"},
        "run_cap": 2,
        "command": ["${env}", "balcap", "train", "${args}"],
        "parameters": {
            "rewards": {"value": "qa,cov"},
            "weights.qa": weight,
            "weights.cov": weight,
            "steps": {"value": 1},
            "eval_samples": {"value": 8},
        },
    }
    file.write_text(yaml.safe_dump(content))
    assert main(["sweep", str(file), "--dir", str(out)]) == 0
    for number in ("001", "002"):
        values = json.loads((out / number / "job.json").read_text())["values"]
        summary = json.loads((out / number / "summary.json").read_text())
        weights = yaml.safe_load((out / number / "config.yaml").read_text())["weights"]
        assert summary["interrupted"] is False
        assert weights == {"qa": values["weights.qa"], "cov": values["weights.cov"]}
