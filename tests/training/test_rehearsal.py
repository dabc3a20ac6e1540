"""What several processes try before a policy is loaded: one asks the judge, all end alike."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from helpers.training import command

JUDGED = Path(__file__).parents[1] / "helpers" / "judged_heads.py"
JUDGE = """
import os
from balcap.errors import JudgeError

def away(request):
    with open({asked!r}, "a") as file:
        file.write(os.environ["RANK"])
    raise JudgeError("nobody is there")
"""


def test_the_first_process_asks_the_judge_and_tells_for_all(tmp_path: Path) -> None:
    """Four references, of which the judge of two processes is asked four times and not eight."""
    asked, judge = tmp_path / "asked", tmp_path / "judge.py"
    judge.write_text(JUDGE.format(asked=str(asked)))
    words = command(
        Path("tiny-qwen2.5-vl"), tmp_path / "run", "--rewards", f"{JUDGED}:Graded",
        "--judge.backend", "scripted", "--judge.model", f"{judge}:away", "--judge.cache", "off",
    )  # fmt: skip
    ended = in_two_processes(words)
    assert [code for code, _ in ended] == [2, 2]
    first, second = (told for _, told in ended)
    assert first.count("gets no score from its judge") == 1
    assert "nobody is there" in first
    assert second == ""
    assert asked.read_text() == "0000"


def in_two_processes(words: list[str]) -> list[tuple[int, str]]:
    """Run a command line of balcap as a launcher would: exit code and stderr of each process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "balcap", *words],
            env=os.environ | meeting | {"RANK": rank, "LOCAL_RANK": rank, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    told = [process.communicate(timeout=120)[1] for process in started]
    return [(process.returncode, text) for process, text in zip(started, told, strict=True)]
