"""A real vLLM server reads captions and answers questions: `pytest -m vllm`.

Not part of the usual tests: the server needs an environment of its own (see
`helpers/vllm_environment.py`) and a minute to start.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from balcap.config import DataSettings, JudgeSettings, ShapesSettings
from balcap.data import shapes
from balcap.heads import choose
from balcap.heads.scoring import score
from balcap.judges.factory import forget
from balcap.types import Caption
from helpers.vllm_environment import python
from helpers.vllm_reader import make

pytestmark = pytest.mark.vllm

CAPTIONS = 64
QUESTIONS = 8
STARTS_IN = 300.0  # seconds, at most


class Server:
    """vLLM's OpenAI-compatible server with the tiny reader."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.root = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self.log = (folder / "server.log").open("w")
        self.process = subprocess.Popen(
            [
                str(python()), "-m", "vllm.entrypoints.openai.api_server",
                "--model", str(make(folder / "reader")), "--served-model-name", "reader",
                "--host", "127.0.0.1", "--port", self.root.rpartition(":")[2],
                "--max-model-len", "2048", "--dtype", "float32",
                # a seeded prompt that is read in chunks ends vLLM 0.32 on a CPU: "CPU Generator
                # does not use offset"
                "--no-enable-chunked-prefill",
            ],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def wait(self) -> None:
        end = time.monotonic() + STARTS_IN
        while time.monotonic() < end:
            assert self.process.poll() is None, Path(self.log.name).read_text()[-2000:]
            try:
                self.answered()
                return
            except OSError:
                time.sleep(1)
        pytest.fail(f"vLLM did not start within {STARTS_IN:.0f} s")

    def answered(self) -> int:
        """How many prompts the server has answered since it started, by its own count."""
        return self._counted("vllm:request_success_total", "")

    def requests(self) -> int:
        """How many requests they came in."""
        return self._counted("http_requests_total", 'handler="/v1/[^"]*completions"')

    def _counted(self, metric: str, label: str) -> int:
        with urllib.request.urlopen(f"{self.root}/metrics", timeout=5) as page:
            lines = page.read().decode()
        found = re.findall(rf"^{metric}\{{.*{label}.*\}} ([\d.]+)$", lines, re.MULTILINE)
        return int(sum(map(float, found)))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("vllm"))
    try:
        server.wait()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def captions():
    """64 captions of 16 scenes, all different: the references, and their first sentences on."""
    world = DataSettings(shapes=ShapesSettings(train=16), eval_samples=0)
    samples = shapes.load(world)[0]
    halves = [(sample, sample.reference.split(". ")) for sample in samples]
    return [
        Caption(sample, ". ".join(parts[: 1 + k % len(parts)]) + f" ({k})")
        for sample, parts in halves
        for k in range(4)
    ]


@pytest.mark.parametrize("requests", ["completions", "chat"])
@pytest.mark.parametrize("answer", ["letter", "soft"])
def test_captions_are_read_once(server, captions, tmp_path, answer, requests):
    def scored():
        forget()  # as a new process would begin: only the file is left
        settings = JudgeSettings.of(
            backend="endpoint",
            url=(f"{server.root}/v1",),
            model="reader",
            requests=requests,
            cache=tmp_path / "answers.sqlite",
        )
        choice = choose("qa")
        config = choice.trained[0].Config(engine="llm", draws=QUESTIONS, answer=answer)
        return score(choice.build({"qa": config}, settings).trained, captions)

    before, requests_before = server.answered(), server.requests()
    first = scored()
    asked = server.answered() - before
    came_in = server.requests() - requests_before
    assert came_in == asked if requests == "chat" else came_in <= asked / 8
    # each of the 64 captions has 8 draws; equal draws of a question are asked once at most
    assert len(captions) == CAPTIONS
    assert 0 < asked <= CAPTIONS * QUESTIONS
    # the reader answers one of A to E with probability 0.99; a caption is scored if all 8 are
    assert first.matrix.scored.mean() > 0.8
    values = first.matrix.values[first.matrix.scored]
    assert values.min() < values.max()

    again = scored()
    assert server.answered() == before + asked
    assert (again.matrix.values == first.matrix.values).all()
    assert again.reasons == first.reasons
