"""How is lmms-eval called, and what does it leave? (EvolvingLMMs-Lab/lmms-eval, MIT, version 0.7)

`python -m lmms_eval ... --output_path DIR` writes DIR/MODEL/DATE_results.json at its very end, and
a file of samples beside it for each task. It ends with exit code 0 after most failures too, without
a file of results.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balcap.errors import UserError
from balcap.evaluation.protocols.general.benchmarks import LOWER_IS_BETTER, Benchmark

# lmms-eval 0.7.3 imports decord without asking for it, and breaks with filelock 4
PACKAGES = "lmms-eval qwen-vl-utils decord 'filelock<4'"
MAKE_ENVIRONMENT = (
    f"make one: python -m venv lmms-env && lmms-env/bin/pip install {PACKAGES}, then "
    "give --python lmms-env/bin/python"
)
_NEEDED = ("decord", "qwen_vl_utils")
_PROBE = f"""
import importlib.metadata, importlib.util, json, pathlib, re, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
if importlib.util.find_spec("lmms_eval") is None:
    sys.exit("no module lmms_eval")
missing = [name for name in {_NEEDED} if importlib.util.find_spec(name) is None]
cuda = False
if importlib.util.find_spec("torch") is not None:
    import torch
    cuda = torch.cuda.is_available()
names = re.compile(r"^(?:task|group)\\b[^\\w\\n]*([\\w.-]+)", re.MULTILINE)
homes = importlib.util.find_spec("lmms_eval").submodule_search_locations or []
files = [file for home in homes for file in pathlib.Path(home, "tasks").rglob("*.yaml")]
tasks = {{name for file in files for name in names.findall(file.read_text(errors="replace"))}}
found = {{"version": version("lmms_eval"), "missing": missing, "filelock": version("filelock")}}
print(json.dumps({{**found, "cuda": cuda, "tasks": sorted(tasks)}}))
"""
PROBE_SECONDS = 120


@dataclass(frozen=True)
class Environment:
    """A Python in which lmms_eval can be imported.

    Attributes:
        python: the interpreter.
        version: of lmms_eval; `unknown` where it is not an installed package.
        faults: what is known to break lmms-eval there.
        cuda: whether its torch sees a GPU.
        tasks: names of its tasks and groups, as its files have them; empty if none are found.
    """

    python: str
    version: str
    faults: tuple[str, ...] = ()
    cuda: bool = False
    tasks: frozenset[str] = frozenset()


def environment(python: str) -> Environment:
    """The interpreter that was named, or the first `python` on the path that has lmms_eval.

    Raises:
        UserError: if there is none, or lmms-eval cannot run in it, with what to install.
    """
    paths = (
        [python] if python else [shutil.which("python"), shutil.which("python3"), sys.executable]
    )
    for path in dict.fromkeys(paths):
        found = _probed(path) if path else None
        if found is not None and found.faults:
            raise UserError(
                f"lmms-eval {found.version} cannot run in {found.python}: "
                f"{', '.join(found.faults)}; mend it: {found.python} -m pip install {PACKAGES}"
            )
        if found is not None:
            return found
    where = f"in {python}" if python else "in any python on the path"
    raise UserError(f"lmms_eval cannot be imported {where}; {MAKE_ENVIRONMENT}")


def arguments(
    *, model: str, model_args: str, tasks: Sequence[str], batch: int, out: Path, limit: int | None,
    gen_kwargs: str,
) -> list[str]:  # fmt: skip
    """What follows `python`."""
    return [
        "-m", "lmms_eval", "--model", model, "--model_args", model_args,
        "--tasks", ",".join(tasks), "--batch_size", str(batch),
        "--log_samples", "--output_path", str(out),
        *(["--limit", str(limit)] if limit else []),
        *(["--gen_kwargs", gen_kwargs] if gen_kwargs else []),
    ]  # fmt: skip


def read_results(out: Path) -> dict[str, dict[str, Any]]:
    """By task, all that the files of results under a folder say; of a task in several the newest.

    Returns:
        Task -> {metrics: {"metric,filter": number}, n: number of questions or None}.
    """
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(out.rglob("*_results.json"), key=lambda file: file.stat().st_mtime):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:  # cut short by a kill
            continue
        counts = content.get("n-samples", {})
        for task, metrics in content.get("results", {}).items():
            count = counts.get(task)
            count = count.get("effective") if isinstance(count, Mapping) else count
            found[task] = {"metrics": metrics, "n": count}
    return found


def measured(benchmark: Benchmark, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Our line of the table: {metric, value, n, stderr}, in [0, 100]; None without a number.

    Where a low value is the better one there is `lower_is_better`, and `beside` has the benchmark's
    further metrics, None for one that was not found.
    """

    def number(metric: str) -> float | None:
        value = _metric(found["metrics"], metric)
        return None if value is None else value * (1.0 if benchmark.percent else 100.0)

    metric = benchmark.metric
    if (value := number(metric)) is None:
        return None
    line = {"metric": metric, "value": value, "n": found["n"], "stderr": number(f"{metric}_stderr")}
    if metric in LOWER_IS_BETTER:
        line["lower_is_better"] = True
    if benchmark.beside:
        line["beside"] = {name: number(name) for name in benchmark.beside}
    return line


def _metric(metrics: Mapping[str, Any], name: str) -> float | None:
    """A number by its name, whatever filter stands behind the comma; `none` first."""
    keys = [f"{name},none", *(key for key in metrics if key.partition(",")[0] == name)]
    for key in keys:
        value = metrics.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def _probed(python: str) -> Environment | None:
    try:
        done = subprocess.run(
            [python, "-c", _PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return None
    found = json.loads(lines[-1])
    faults = [f"{name} is missing" for name in found["missing"]]
    major = found["filelock"].partition(".")[0]
    if major.isdigit() and int(major) > 3:
        faults.append(f"filelock is {found['filelock']}, and must be below 4")
    return Environment(
        python, found["version"], tuple(faults), found["cuda"], frozenset(found["tasks"])
    )
