"""Is the captioner still a good model otherwise? Ten vision benchmarks, measured by lmms-eval.

BLINK, ChartQA, DocVQA, InfoVQA, MMBench, MMStar, OCRBench, ScienceQA, SEED-Bench and TextVQA; where
they are named, AMBER, CHAIR, DetailCaps, HallusionBench and POPE too, beside the mean.
lmms-eval runs as a process of its own in an environment that the user names; its results are read
back into one table. Harnesses differ in prompts, image sizes and scorers: only rows of one harness
compare, and which one the papers used is not known.

OUT/settings.json      what the numbers depend on; a second start must agree with it
OUT/lmms_eval.log      all that lmms-eval said
OUT/calls.jsonl        each call of it, with its version
OUT/lmms_eval/         its own files: results, and each answer
OUT/policy/            a policy with LoRA adapters, merged: lmms-eval takes whole models
OUT/summary.json       `benchmarks`: {name: {metric, value, n, stderr}} in [0, 100]; `score`: their
                       mean, those of the ten only; `harness`: its calls
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from balcap.config import ModelSettings, plain
from balcap.console import say, table
from balcap.errors import RunError, UserError
from balcap.evaluation.harness.folder import EvalFolder
from balcap.evaluation.protocols.general.benchmarks import (
    ALL,
    BENCHMARKS,
    LOWER_IS_BETTER,
    Chosen,
    chosen_benchmarks,
)
from balcap.evaluation.protocols.general.command import GeneralSettings
from balcap.evaluation.protocols.general.fitness import check_tasks
from balcap.evaluation.protocols.general.lmms_eval import (
    arguments,
    environment,
    measured,
    read_results,
)
from balcap.evaluation.protocols.general.streaming import last_lines, stream
from balcap.policies import Located, locate
from balcap.policies.adapters import merge
from balcap.policies.origin import digests

LAST_LINES = 15
LOG, CALLS, RESULTS, MERGED = "lmms_eval.log", "calls.jsonl", "lmms_eval", "policy"
_FREE = ("out", "python", "tasks", "check")
"""What may change when an evaluation goes on: results are by task."""


def run(settings: GeneralSettings) -> int:
    """`balcap eval general`: run what is missing, write and print the table.

    Raises:
        UserError: if the settings do not fit, no environment has lmms_eval, or another evaluation
            lies in the folder.
        RunError: if lmms-eval failed; its last lines are in the message.
    """
    chosen = chosen_benchmarks(settings.tasks)
    policy = locate(settings.policy)
    if settings.check:
        return _check(settings, chosen, policy)
    depends_on = _identity(settings, policy)
    folder = EvalFolder(settings.out or _default_out(settings, depends_on))
    folder.begin(depends_on)
    found = _found(chosen, folder)
    if missing := [name for name in chosen if name not in found]:
        found = _measure(settings, {name: chosen[name] for name in missing}, policy, folder) | found
    summary = _summary(settings, chosen, found, folder)
    folder.close([], summary)
    _tell(summary, folder)
    return 0


def _check(settings: GeneralSettings, chosen: Chosen, policy: Located) -> int:
    harness = environment(settings.python)
    check_tasks(chosen, harness)
    say(f"python     {harness.python}")
    say(f"lmms-eval  {harness.version}")
    say(f"device     {'a GPU' if harness.cuda else 'the CPU: no GPU is seen there'}")
    say(f"model      {policy.family.lmms_eval} of {policy.adapter or policy.source}")
    say(f"tasks      {', '.join(chosen.values())}")
    return 0


def _model_args(settings: GeneralSettings, policy: Located, weights: str, *, cuda: bool) -> str:
    parts = [f"pretrained={weights}", settings.model_args]
    if policy.family.lmms_eval == "llava_hf" and "device_map=" not in settings.model_args:
        parts.append(f"device_map={'cuda:0' if cuda else 'cpu'}")
    return ",".join(filter(None, parts))


def _measure(
    settings: GeneralSettings, chosen: Chosen, policy: Located, folder: EvalFolder
) -> dict[str, dict[str, Any]]:
    """Call lmms-eval once. Raises RunError if a benchmark is without a result then."""
    harness = environment(settings.python)
    check_tasks(chosen, harness)
    out = folder.path.resolve()
    weights = _weights(settings, policy, out)
    argv = arguments(
        model=policy.family.lmms_eval,
        model_args=_model_args(settings, policy, weights, cuda=harness.cuda),
        tasks=list(chosen.values()),
        batch=settings.batch,
        out=out / RESULTS,
        limit=settings.limit,
        gen_kwargs=settings.gen_kwargs,
    )
    command = [harness.python, *argv]
    folder.append(folder.path / CALLS, [{"version": harness.version, "argv": command}])
    log = folder.path / LOG
    begin = log.stat().st_size if log.is_file() else 0
    say(f"lmms-eval {harness.version} runs {', '.join(chosen)}; log: {log}")
    code = stream(command, log)
    found = _found(chosen, folder)
    without = [name for name in chosen if name not in found]
    if code or without:  # it ends with 0 after most failures too
        why = f"exit code {code}" if code else f"no result for {', '.join(without)}"
        said = "\n".join(f"  {line}" for line in last_lines(log, LAST_LINES, begin))
        raise RunError(
            f"lmms-eval failed ({why}); the same command runs what is missing, and "
            f"--tasks leaves out what cannot be had. The last lines of {log}:\n{said}"
        )
    return found


def _weights(settings: GeneralSettings, policy: Located, out: Path) -> str:
    """Folder or hub id of the whole model; adapters are merged into a folder once."""
    weights = Path(policy.source)
    if policy.adapter is not None:
        weights = out / MERGED
        if not weights.is_dir():
            say("merging the adapters into their base model")
            draft = out / f".{MERGED}.part"
            shutil.rmtree(draft, ignore_errors=True)
            merge(ModelSettings(policy=settings.policy, dtype="bfloat16"), policy, draft)
            draft.replace(weights)
    named = str(weights.resolve()) if weights.is_dir() else policy.source
    if "," in named:
        raise UserError(f"the policy is in {named!r}; lmms-eval takes no path with a comma")
    return named


def _found(chosen: Chosen, folder: EvalFolder) -> dict[str, dict[str, Any]]:
    """Lines of the table, by benchmark, for those that have a result."""
    results = read_results(folder.path / RESULTS)
    lines = {
        name: measured(ALL[name], results[task]) for name, task in chosen.items() if task in results
    }
    return {name: line for name, line in lines.items() if line is not None}


def _identity(settings: GeneralSettings, policy: Located) -> dict[str, Any]:
    """What the numbers depend on. lmms-eval's version is in the record, not here."""
    given = {name: value for name, value in plain(settings).items() if name not in _FREE}
    where = str(policy.adapter or policy.source)
    chosen = {**given, "policy": where}
    return {"protocol": "general", "settings": chosen, "weights": digests(policy)}


def _default_out(settings: GeneralSettings, identity: Mapping[str, Any]) -> Path:
    short = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
    return Path("runs") / "eval" / f"general-{Path(settings.policy).name}-{short}"


def _summary(
    settings: GeneralSettings,
    chosen: Chosen,
    found: Mapping[str, dict[str, Any]],
    folder: EvalFolder,
) -> dict[str, Any]:
    values = [line["value"] for name, line in found.items() if name in BENCHMARKS]
    reasons = ["which harness the papers used is not known"]
    if len(values) < len(BENCHMARKS):
        reasons.append(f"{len(values)} of {len(BENCHMARKS)} benchmarks")
    if settings.limit:
        reasons.append(f"the first {settings.limit:,} questions of each")
    if settings.limit and "ocrbench" in found:
        reasons.append("lmms-eval divides OCRBench by 1,000 questions, whatever the limit")
    return {
        "protocol": "general",
        "metric": "mean of the ten benchmarks, 0 to 100",
        "score": sum(values) / len(values) if values else None,
        "interval": None,
        "n_scored": len(values),
        "n_invalid": len(chosen) - len(found),
        "comparable": False,
        "not_comparable": reasons,
        "benchmarks": dict(found),
        "harness": {"name": "lmms-eval", "calls": folder.lines(folder.path / CALLS)},
        "balcap": version("balcap"),
        "settings": plain(settings),
    }


def _tell(summary: Mapping[str, Any], folder: EvalFolder) -> None:
    rows = [row for name, line in summary["benchmarks"].items() for row in _table_rows(name, line)]
    say(table(rows))
    if summary["score"] is not None:
        say(f"general: {summary['score']:.2f}  ({summary['metric']})")
    if apart := [name for name in summary["benchmarks"] if name not in BENCHMARKS]:
        say(f"not in the mean: {', '.join(apart)}")
    say(f"not comparable to published numbers: {', '.join(summary['not_comparable'])}")
    say(f"log, answers and summary: {folder.path}")


def _table_rows(name: str, line: Mapping[str, Any]) -> list[dict[str, str]]:
    """A benchmark's row, and one for each further metric of it."""
    numbers = {line["metric"]: line["value"], **line.get("beside", {})}
    rows = [
        {
            "": "",
            "metric": metric + (", lower is better" if metric in LOWER_IS_BETTER else ""),
            "value": f"{value:.2f}",
            "std. error": "",
            "questions": "",
        }
        for metric, value in numbers.items()
        if value is not None
    ]
    rows[0][""] = name
    if line["stderr"] is not None:
        rows[0]["std. error"] = f"{line['stderr']:.2f}"
    if line["n"] is not None:
        rows[0]["questions"] = f"{line['n']:,}"
    return rows
