"""Can the chosen tasks run in the environment that was found? Asked before hours of generating."""

from __future__ import annotations

import json
import subprocess

from balcap.errors import UserError, did_you_mean
from balcap.evaluation.protocols.general.benchmarks import ALL, Chosen, Need
from balcap.evaluation.protocols.general.lmms_eval import PROBE_SECONDS, Environment

_TRIALS = """
import json, sys
failed = []
for name, trial in json.loads(sys.argv[1]):
    try:
        exec(trial)
    except Exception:
        failed.append(name)
print(json.dumps(failed))
"""


def check_tasks(chosen: Chosen, harness: Environment) -> None:
    """Does lmms-eval there have the tasks, and do these have what they need?

    Raises:
        UserError: if not, with near names of its tasks, or what to install and to set.
    """
    for name, task in chosen.items():
        if harness.tasks and task not in harness.tasks:
            raise UserError(
                f"lmms-eval {harness.version} in {harness.python} has no task {task!r}, which "
                f"{name} is measured by{did_you_mean(task, harness.tasks)}; leave it out of "
                f"--tasks, or renew it: {harness.python} -m pip install -U lmms-eval"
            )
    wanted = {name: ALL[name].needs for name in chosen if ALL[name].needs}
    missing = _missing({need.name: need for needs in wanted.values() for need in needs}, harness)
    for name, needs in wanted.items():
        lacks = [need for need in needs if need.name in missing]
        if lacks:
            said = "; ".join(f"{one.name} ({one.remedy})" for one in lacks)
            raise UserError(
                f"{name} needs {said.replace('PYTHON', harness.python)}; or leave it out of --tasks"
            )


def _missing(needs: dict[str, Need], harness: Environment) -> set[str]:
    """Names of those whose trial fails; all of them if the interpreter does not end well."""
    if not needs:
        return set()
    trials = json.dumps([(name, need.trial) for name, need in needs.items()])
    try:
        done = subprocess.run(
            [harness.python, "-c", _TRIALS, trials],
            capture_output=True, text=True, timeout=PROBE_SECONDS,
        )  # fmt: skip
        return set(json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return set(needs)
