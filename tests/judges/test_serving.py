"""The scripted server, seen through the official client and in its times."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from helpers.judge_server import CHAT, COMPLETIONS, Asked, Said, served

USER = [{"role": "user", "content": "Which colour?"}]


def client(url: str, key: str = "none") -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0)


def test_the_official_client_reads_its_chat() -> None:
    with served(lambda prompt: f"{prompt} red") as server:
        answer = client(server.url).chat.completions.create(model="scripted", messages=USER)
    assert answer.choices[0].message.content == "Which colour? red"
    assert answer.usage.prompt_tokens == 2  # words
    assert answer.usage.completion_tokens == 3


def test_the_official_client_reads_its_list_of_completions() -> None:
    with served(str.upper) as server:
        answer = client(server.url).completions.create(model="scripted", prompt=["a", "b b"])
    assert [choice.text for choice in answer.choices] == ["A", "B B"]
    assert server.requests.count(COMPLETIONS) == 1
    assert server.requests.count(CHAT) == 0
    assert server.requests.prompts == 2


def test_a_script_sees_the_last_user_turn_either_way() -> None:
    seen: list[Asked] = []

    def script(prompt: Asked) -> str:
        seen.append(prompt)
        return "x"

    with served(script) as server:
        client(server.url).chat.completions.create(model="scripted", messages=USER, seed=3)
        prompt = "<|im_start|>user\nWhich colour?<|im_end|>\n<|im_start|>assistant\n"
        client(server.url).completions.create(model="scripted", prompt=prompt)
    assert seen == ["Which colour?", "Which colour?"]
    assert [prompt.path for prompt in seen] == [CHAT, COMPLETIONS]
    assert seen[0].body["seed"] == 3


def test_log_probabilities_come_when_asked_for() -> None:
    with served(lambda _: Said("B", {"A": -2.0, "B": -0.2})) as server:
        request = client(server.url).chat.completions.create
        without = request(model="scripted", messages=USER)
        given = request(model="scripted", messages=USER, logprobs=True, top_logprobs=1)
    assert without.choices[0].logprobs is None
    top = given.choices[0].logprobs.content[0].top_logprobs
    assert [(t.token, t.logprob) for t in top] == [("B", -0.2)]


def test_an_answer_is_cut_off_at_its_limit() -> None:
    with served(lambda _: "one two three") as server:
        answer = client(server.url).chat.completions.create(
            model="scripted", messages=USER, max_tokens=2
        )
    assert answer.choices[0].message.content == "one two"
    assert answer.choices[0].finish_reason == "length"


def test_a_wrong_key_and_another_model_are_refused() -> None:
    with served(lambda _: "x", key="right") as server:
        with pytest.raises(openai.AuthenticationError):
            client(server.url, "wrong").chat.completions.create(model="scripted", messages=USER)
        with pytest.raises(openai.NotFoundError, match="`other` does not exist"):
            client(server.url, "right").chat.completions.create(model="other", messages=USER)


def test_prompts_share_the_slots_however_they_travel() -> None:
    """8 prompts, 4 slots of 0.05 s: two rounds, 0.1 s, in one request as in eight."""
    with served(lambda _: "x", latency=0.05, concurrency=4) as server:
        begun = time.monotonic()
        client(server.url).completions.create(model="scripted", prompt=["p"] * 8)
        assert 0.1 <= time.monotonic() - begun < 0.25


@pytest.fixture
def process(tmp_path: Path) -> Iterator[str]:
    script = tmp_path / "judge.py"
    script.write_text(
        "from helpers.judge_server import Said\n\n\n"
        "def answer(prompt):\n    return Said('B', {'B': -0.5})\n"
    )
    command = [sys.executable, "-m", "helpers.judge_server", "--script", f"{script}:answer"]
    tests = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tests) as running:
        assert running.stdout is not None
        yield running.stdout.readline().strip()
        running.kill()


def test_it_runs_as_a_process_that_says_where(process: str) -> None:
    answer = client(process).completions.create(model="scripted", prompt="p", logprobs=1)
    assert answer.choices[0].text == "B"
    assert answer.choices[0].logprobs.top_logprobs == [{"B": -0.5}]
