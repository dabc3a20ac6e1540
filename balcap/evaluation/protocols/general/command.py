"""`balcap eval general`: how it is called, and its own settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from balcap.config.checks import counts
from balcap.config.command import Command
from balcap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class GeneralSettings:
    """Which model, on which vision benchmarks, in whose environment.

    lmms-eval runs as a process of its own, in a Python environment of its own: its dependencies are
    pinned, and not to balcap's. It downloads the benchmarks.

    Attributes:
        policy: a run of balcap, or a hub id or folder of a Qwen2.5-VL or LLaVA-1.5 model; LoRA
            adapters are merged first.
        tasks: any of blink, chartqa, docvqa, infovqa, mmbench, mmstar, ocrbench, scienceqa,
            seedbench, textvqa; default: all ten. Beside their mean: amber, chair, detailcaps,
            hallusionbench, pope; what these need is looked for first. Names of lmms-eval's tasks
            are fine too: `mmbench_en_dev` has a judge of OpenAI's read the answers, `mmbench` needs
            none.
        python: the environment's interpreter, such as /path/to/env/bin/python; default: the first
            `python` on the path in which lmms_eval can be imported.
        out: folder for the log, lmms-eval's files and `summary.json`; default: `runs/eval/` and a
            name made of the settings. A second start runs the tasks that are missing there.
        limit: only the first so many questions of each benchmark, to try things out.
        batch: questions answered at once.
        model_args: more for lmms-eval's model, such as `max_pixels=1003520`. LLaVA is given a
            `device_map`, as lmms-eval's own default is refused by transformers.
        gen_kwargs: settings of generation, as lmms-eval takes them.
        check: say which environment would run, and what of it is known to be missing; run nothing.
    """

    policy: str = ""
    tasks: tuple[str, ...] = ()
    python: str = ""
    out: Path | None = None
    limit: int | None = None
    batch: int = 1
    model_args: str = ""
    gen_kwargs: str = ""
    check: bool = False

    def __post_init__(self) -> None:
        counts(self, "limit", "batch")
        if not self.policy:
            raise UserError("which model? give a run or a model: --policy RUN_OR_MODEL")
        if self.out is not None and "," in str(self.out):
            raise UserError(f"out is {str(self.out)!r}; lmms-eval takes no path with a comma")


COMMAND = Command(
    name="eval general",
    summary="Ten vision benchmarks, by lmms-eval: is it still a good model otherwise?",
    settings=GeneralSettings,
    function="balcap.evaluation.protocols.general.protocol:run",
    examples="""
balcap eval general --policy runs/second --check
balcap eval general --policy runs/second --python lmms-env/bin/python --limit 8
balcap eval general --policy Qwen/Qwen2.5-VL-3B-Instruct --python lmms-env/bin/python \\
    --tasks mmstar,textvqa --batch 8 --model-args max_pixels=1003520
balcap eval general --policy runs/second --python lmms-env/bin/python --tasks chair,pope
""",
)
