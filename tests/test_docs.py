"""Does the site build, and is every command and snippet of the documentation right?"""

import json
import re
import shlex
import subprocess
import sys
from importlib import import_module

import pytest

from balcap.cli import COMMANDS, main
from balcap.cli.parser import parse
from balcap.config import Columns
from helpers.pages import FENCE, ROOT, blocks

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "experiments/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_INLINE = re.compile(r"`(balcap [a-z][^`]* --[^`]*)`")

STARTS = (["balcap"], ["python", "-m", "balcap"], ["accelerate", "launch", "-m", "balcap"])


def command_lines(code):
    """The command lines of balcap in a block, each as its words without `balcap`."""
    for line in code.replace("\\\n", " ").splitlines():
        # what is none of balcap's may be in quotes over several lines, as JSON is
        for part in re.split(r"&&|[|;]| > ", line) if "balcap" in line else ():
            words = shlex.split(re.sub(r"\[(--[^\]]*)\]", r"\1", part), comments=True)
            for start in STARTS:
                if words[: len(start)] == start:
                    yield words[len(start) :]


LINES = sorted({
    (page.relative_to(ROOT).as_posix(), shlex.join(words))
    for page in PAGES for code in blocks(page, "sh") for words in command_lines(code)
} | {
    (page.relative_to(ROOT).as_posix(), line.removeprefix("balcap "))
    for page in PAGES for line in _INLINE.findall(page.read_text()) if not line.endswith("...")
} | {
    (f"help of {command.name}", shlex.join(words))
    for command in COMMANDS.values() for words in command_lines(command.examples)
})  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the files that the documentation's commands name."""
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    snippet = blocks(ROOT / "docs/how-to/add-a-head.md", "python")[0]
    for name in ("colour_head.py", "my_head.py"):
        (tmp_path / name).write_text(snippet)
    (tmp_path / "judge.yaml").write_text(*blocks(ROOT / "docs/how-to/judges.md", "yaml"))
    (tmp_path / "mine.yaml").write_text(*blocks(ROOT / "docs/how-to/seeds.md", "yaml"))
    (tmp_path / "experiment.yaml").write_text("steps: 3\n")
    for name in ("NAME", "second"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.yaml").write_text("rewards: fluency\nseed: 0\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_are_found_in_every_form():
    assert len(LINES) > 60
    pages = {page for page, _ in LINES}
    assert {"README.md", "docs/get-started.md", "help of train"} <= pages
    code = (
        "a=1 # x\npip install x && balcap train --lr 1 \\\n    --seed 2  # why\nbalcap heads | head"
    )
    assert list(command_lines(code)) == [["train", "--lr", "1", "--seed", "2"], ["heads"]]
    assert list(command_lines("accelerate launch -m balcap sft")) == [["sft"]]


@pytest.mark.parametrize(("page", "line"), LINES)
def test_every_command_is_accepted(page, line, folder):
    words = shlex.split(line)
    name = next(n for n in (" ".join(words[:2]), words[0]) if n in COMMANDS)
    parse(COMMANDS[name], words[len(name.split()) :])


@pytest.mark.parametrize(
    "line",
    [
        "heads", "heads ./colour_head.py:ColourWords", "runs",
        "train --print-config --rewards ./colour_head.py:ColourWords,fluency",
        "sweep experiments/sweeps/gates.yaml --plan", "sweep mine.yaml --plan",
    ],
)  # fmt: skip
def test_the_quick_ones_run(line, folder, capsys):
    assert main(line.split()) == 0
    assert capsys.readouterr().out


SNIPPETS = [
    (page.relative_to(ROOT).as_posix(), index, code)
    for page in PAGES
    for index, code in enumerate(blocks(page, "python"))
]


@pytest.mark.parametrize(("page", "index", "code"), SNIPPETS, ids=lambda x: str(x)[:30])
def test_every_python_snippet_runs(page, index, code, folder):
    exec(compile(code, f"{page}:{index}", "exec"), {"__name__": "snippet"})


@pytest.mark.parametrize("kind", ["records", "conversations", "caption_qa"])
def test_every_example_row_is_read(kind):
    page = (ROOT / "docs/reference/data.md").read_text()
    row = json.loads(FENCE.search(page, page.index(f"## {kind.replace('_', '-')}"))[2])
    parsed = import_module(f"balcap.data.formats.{kind}").parse_row(row, Columns())
    assert parsed.reference == "A red dog runs along a beach."
    assert len(parsed.questions) == (kind == "caption_qa")


def test_the_site_builds_without_a_warning(tmp_path):
    # and without torch: a site of help and docstrings must not need what a training needs
    program = "import sys; sys.modules['torch'] = None; from mkdocs.__main__ import cli; cli()"
    done = subprocess.run(
        [sys.executable, "-c", program, "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    built = {path.relative_to(tmp_path / "site").as_posix() for path in tmp_path.rglob("*.html")}
    for name in COMMANDS:
        assert f"reference/commands/{name.replace(' ', '-')}.html" in built
    for path in (tmp_path / "site/reference/commands").glob("*.html"):
        rows = re.findall(r"<tr>(.*?)</tr>", path.read_text(), re.DOTALL)
        assert {len(re.findall("<t[dh]", row)) for row in rows} <= {2}, path  # no stray "|"
    left = [path for path in tmp_path.rglob("*.html") if re.search(r"\{\{ \w+", path.read_text())]
    assert not left


def test_what_the_code_knows_is_on_the_site():
    # Numbers and names that no page holds by hand: a default, a head's setting, a metric.
    sys.path.insert(0, str(ROOT / "docs" / "_hooks"))
    try:
        import generate
    finally:
        sys.path.pop(0)
    assert "`--group-size N` | captions per sample" in generate.command("train")
    assert "(default: 8)" in generate.command("train")
    assert "`--qa.draws N`" in generate.heads("")
    assert "`advantage/gain`" in generate.docstring("balcap.runs.metrics")
    assert "`--gd2po.tau X`" in generate.normalizer("gd2po")
    assert "(default: 0.8)" in generate.normalizer("gd2po")
    assert "`--penalty.slope X`" in generate.gate("penalty")
