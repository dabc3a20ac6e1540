"""Which benchmarks are measured, by which of lmms-eval's tasks, and what do these want beside it?

Tasks, metrics and scales as in lmms-eval 0.7.3. The ten are those that the papers report, and the
score is their mean. The others ask about hallucination and detail; they stand beside the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from balcap.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Need:
    """What a task cannot do without, and lmms-eval does not bring or look for before its end.

    Attributes:
        name: in messages.
        trial: Python that raises where it is missing; run in lmms-eval's environment.
        remedy: what to do; `PYTHON` stands for the environment's interpreter.
    """

    name: str
    trial: str
    remedy: str


@dataclass(frozen=True)
class Benchmark:
    """One of them.

    Attributes:
        task: lmms-eval's name for it.
        metric: which of the task's metrics is reported.
        percent: whether lmms-eval gives them in [0, 100]; else they are in [0, 1].
        others: further tasks for it, with the same metrics.
        beside: further metrics of the task, reported beside it.
        needs: of the task.
    """

    task: str
    metric: str
    percent: bool = False
    others: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()


LOWER_IS_BETTER = frozenset(
    {"amber_chair", "amber_hal", "amber_cog", "coco_cap_chair_i", "coco_cap_chair_s"}
)
"""Metrics that count what a caption makes up; lmms-eval takes `amber_cog` for the opposite."""

_WORDS = Need(
    "NLTK's data",
    "import nltk; nltk.pos_tag(nltk.word_tokenize('a')); "
    "nltk.stem.WordNetLemmatizer().lemmatize('a')",
    "PYTHON -m nltk.downloader punkt_tab averaged_perceptron_tagger_eng wordnet",
)
_SPACY = Need(
    "an English model of spaCy",
    "import spacy.util as u; [0][not any(u.is_package(f'en_core_web_{s}') for s in "
    "('sm', 'md', 'lg'))]",
    "PYTHON -m pip install spacy && PYTHON -m spacy download en_core_web_md",
)
_AMBER = Need(
    "AMBER's files",
    "import os; open(os.path.join(os.environ.get('AMBER_BASE_DIR', './data/amber'), 'metadata', "
    "'relation.json')).close()",
    "set AMBER_BASE_DIR to a folder whose metadata/ has the files of github.com/junyangwang0410/"
    "AMBER's data/",
)
_KEY = Need(
    "a key for gpt-4, which reads the answers",
    "import os; os.environ['AZURE_API_KEY' if os.getenv('API_TYPE') == 'azure' "
    "else 'OPENAI_API_KEY']",
    "set OPENAI_API_KEY, and OPENAI_API_URL for another server",
)
_CAPTURE = Need(
    "the metric CAPTURE",
    "import importlib.util as u; u.find_spec('capture_metric').name",
    "PYTHON -m pip install 'lmms-eval[metrics]'",
)
_JAVA = Need(
    "Java, which METEOR and the tokeniser run in",
    "import shutil; [0][shutil.which('java') is None]",
    "install a Java runtime",
)

BENCHMARKS: Mapping[str, Benchmark] = {
    "blink": Benchmark("blink", "blink_acc"),
    "chartqa": Benchmark("chartqa", "relaxed_overall"),
    "docvqa": Benchmark("docvqa_val", "anls"),
    "infovqa": Benchmark("infovqa_val", "anls"),
    "mmbench": Benchmark(
        "mmbench_en_dev_static", "gpt_eval_score", percent=True, others=("mmbench_en_dev",)
    ),
    "mmstar": Benchmark("mmstar", "average"),
    "ocrbench": Benchmark("ocrbench", "ocrbench_accuracy"),
    "scienceqa": Benchmark("scienceqa_img", "exact_match"),
    "seedbench": Benchmark("seedbench", "seed_image"),
    "textvqa": Benchmark("textvqa_val", "exact_match"),
}
"""The ten."""

MORE: Mapping[str, Benchmark] = {
    "amber": Benchmark(
        "amber_g", "amber_chair", percent=True, beside=("amber_cover", "amber_hal", "amber_cog"),
        needs=(_WORDS, _SPACY, _AMBER),
    ),
    "chair": Benchmark(
        "coco_cap_chair", "coco_cap_chair_i", percent=True,
        beside=("coco_cap_chair_s", "coco_cap_recall"), needs=(_WORDS,),
    ),
    "detailcaps": Benchmark(
        "detailcaps", "detailcaps_CAPTURE", beside=("detailcaps_METEOR", "detailcaps_CIDEr"),
        needs=(_CAPTURE, _JAVA),
    ),
    "hallusionbench": Benchmark(
        "hallusion_bench_image", "aAcc", percent=True, beside=("qAcc", "fAcc"), needs=(_KEY,)
    ),
    "pope": Benchmark(
        "pope", "pope_accuracy", others=("pope_adv", "pope_pop", "pope_random"),
        beside=("pope_f1_score", "pope_yes_ratio"),
    ),
}  # fmt: skip
"""Named by the user only."""

ALL: Mapping[str, Benchmark] = {**BENCHMARKS, **MORE}

Chosen = Mapping[str, str]
"""Names of benchmarks, each with lmms-eval's task for it."""


def chosen_benchmarks(tasks: Sequence[str]) -> Chosen:
    """Benchmarks by our names or by lmms-eval's; the ten where none is given.

    Raises:
        UserError: for a name that is neither.
    """
    known = {name: (name, one.task) for name, one in ALL.items()}
    for name, one in ALL.items():
        known |= {task: (name, task) for task in (one.task, *one.others)}
    for task in tasks:
        if task not in known:
            raise UserError(
                f"no benchmark {task!r}; have {', '.join(ALL)}{did_you_mean(task, known)}"
            )
    return dict(known[task] for task in tasks or BENCHMARKS)
