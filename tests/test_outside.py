"""A head, a judge backend, a protocol and a data format from outside the checkout, one file each.

They come as an installed package would bring them: a module, and a `.dist-info` folder that names
its entry points.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ENTRY_POINTS = """
[balcap.rewards]
colours = my_head:Colours
[balcap.judges]
parrot = my_backend:Parrot
[balcap.data_formats]
lines = my_format:parse_line
[balcap.protocols]
short = my_protocol:COMMAND
"""

HEAD = '''
from balcap.heads import Head


class Colours(Head):
    """Share of five colours that a caption names"""

    name = "colours"

    def score(self, captions):
        names = ("red", "blue", "green", "yellow", "purple")
        return [sum(one in c.text for one in names) / 5 for c in captions]
'''

BACKEND = '''
import json
from dataclasses import dataclass

from balcap.config import at_least
from balcap.judges.types import Backend, JudgeResponse, own_settings


@dataclass(frozen=True, kw_only=True)
class ParrotSettings:
    """A parrot.

    Attributes:
        score: what it says.
    """

    score: int = 1

    def __post_init__(self):
        at_least("judge.score", self.score, 1)


class Parrot(Backend):
    """Says the same of everything."""

    Settings = ParrotSettings
    named_by = "score"

    def __init__(self, settings):
        own = own_settings(ParrotSettings, settings)
        self.says = json.dumps({"score": own.score})

    @property
    def identity(self):
        return {"model": f"parrot {self.says}"}

    @property
    def name(self):
        return f"a parrot that says {self.says}"

    async def answer(self, requests):
        for number, _ in enumerate(requests):
            yield number, JudgeResponse(self.says)
'''

FORMAT = '''
from balcap.data.parsed_rows import ParsedRow


def parse_line(row, columns):
    """{"picture": FILE, "says": TEXT}"""
    return ParsedRow(None, None, row["picture"], row["says"], (), (), {})
'''

PROTOCOL = '''
"""How short are captions? One hundred for an empty one."""

from dataclasses import dataclass

from balcap.config import Command, EvalSettings
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocol import EvalProtocol, Item, Items, Record
from balcap.types import Sample


@dataclass(frozen=True, kw_only=True)
class ShortSettings(EvalSettings):
    """Settings of the protocol short."""


@dataclass(frozen=True, kw_only=True)
class Text(Item):
    text: str


class Short(EvalProtocol):
    name = "short"
    metric = "100 / (1 + words)"

    def samples(self):
        return [Sample("a", ""), Sample("b", "")]

    def items(self, captions):
        return Items([Text(id=n, sample=n, text=t[0]) for n, t in captions.items()])

    async def assess(self, items):
        return [Record.of(item, 1 / (1 + len(item.text.split()))) for item in items]


COMMAND = Command(
    name="eval short", summary="How short are captions?", settings=ShortSettings,
    function="my_protocol:run", protocol="my_protocol:Short",
)


def run(settings):
    return evaluate(Short(settings))
'''


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it."""
    folder = tmp_path_factory.mktemp("outside")
    info = folder / "my_parts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-parts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    modules = {"head": HEAD, "backend": BACKEND, "format": FORMAT, "protocol": PROTOCOL}
    for name, text in modules.items():
        (folder / f"my_{name}.py").write_text(text)
    return folder


def run(outside: Path, folder: Path, line: str) -> "subprocess.CompletedProcess[str]":
    """A command, run where the package can be found."""
    program = f"import sys; sys.path.insert(0, {str(outside)!r}); from balcap.cli import main; "
    return subprocess.run(
        [sys.executable, "-c", program + "sys.exit(main(sys.argv[1:]))", *line.split()],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def balcap(outside: Path, folder: Path, line: str) -> str:
    """What a command says that succeeds."""
    done = run(outside, folder, line)
    assert done.returncode == 0, done.stderr
    return done.stdout


def mistake(outside: Path, folder: Path, line: str) -> str:
    """What is said of a mistake."""
    done = run(outside, folder, line)
    assert done.returncode == 2
    return done.stderr


def test_a_head_a_backend_and_a_format_train(outside: Path, tmp_path: Path) -> None:
    from PIL import Image

    rows = []
    for number in range(8):
        Image.new("RGB", (40, 40), (30 * number, 0, 0)).save(tmp_path / f"{number}.png")
        rows.append({"picture": f"{number}.png", "says": "A red square."})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    balcap(
        outside, tmp_path,
        "train --data lines:rows.jsonl --rewards colours,holistic --eval-rewards= --gate none "
        "--judge.backend parrot --judge.model any --judge.score 5 --judge.cache off --run run "
        "--steps 2 "
        "--group-size 4 --batch 8 --max-tokens 12 --eval-samples 0",
    )  # fmt: skip
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [row["reward/holistic/mean"] for row in rows] == [0.5, 0.5]
    assert all(0 <= row["reward/colours/mean"] <= 1 for row in rows)
    assert "score: 5" in (tmp_path / "run/config.yaml").read_text()
    wrong = "train --rewards holistic --eval-rewards= --judge.backend parrot --judge.score 0"
    assert "judge.score is 0" in mistake(outside, tmp_path, wrong)
    assert "--judge.score N" in balcap(outside, tmp_path, f"{wrong} --help")
    shown = balcap(outside, tmp_path, "heads")
    assert "colours: Share of five colours that a caption names" in shown


def test_a_protocol_evaluates_and_is_compared(outside: Path, tmp_path: Path) -> None:
    """Captions of 0 and 3 words: 1 and 1/4, so 62.5; of 1 and 1 words: 1/2 each, so 50."""
    for name, texts in (("one", ["", "a red ball"]), ("two", ["ball", "ball"])):
        captions = dict(zip("ab", texts, strict=True))
        (tmp_path / f"{name}.json").write_text(json.dumps(captions))
        said = balcap(outside, tmp_path, f"eval short --captions {name}.json --out {name}")
        assert f"short: {62.5 if name == 'one' else 50:.2f}" in said
    assert "short" in balcap(outside, tmp_path, "eval")
    table = balcap(outside, tmp_path, "eval compare one two")
    assert "-12.50" in table


def test_a_command_is_imported_when_it_is_asked_for(tmp_path: Path) -> None:
    """One that cannot be ends nothing else: the list of commands names it, and leaves it out."""
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[balcap.commands]\nbroken = nowhere_at_all:COMMAND\n")
    assert run(tmp_path, tmp_path, "-V").stderr == ""
    listed = run(tmp_path, tmp_path, "--help")
    assert listed.returncode == 0
    assert "warning: the command 'broken' cannot be loaded from nowhere_at_all:COMMAND" in (
        listed.stderr
    )
    assert "mend or uninstall the package" in mistake(tmp_path, tmp_path, "broken")
