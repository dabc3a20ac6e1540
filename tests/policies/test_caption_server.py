"""Captions by a server: what it is sent, what is kept of its answers, and what goes wrong."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from aiohttp import web
from PIL import Image

from balcap.cli import main
from balcap.policies.captioning import server as engine
from helpers.judge_server import CHAT, MODELS, Asked, Said, Server, served

MODEL = "Qwen/Qwen2.5-VL-3B-Instruct"


def words(server: Server, out: Path, *more: str) -> list[str]:
    return [
        "caption", "--engine", "server", "--server.url", server.url, "--policy", MODEL,
        "--data", "shapes", "--limit", "20", "--max-tokens", "8", "--batch", "4", "--shard", "8",
        "--out", str(out), *more,
    ]  # fmt: skip


def rows(out: Path) -> list[dict[str, Any]]:
    files = sorted(out.glob("captions-*.parquet"))
    return [row for file in files for row in parquet.read_table(file).to_pylist()]


def url_of(body: dict[str, Any]) -> str:
    url: str = body["messages"][-1]["content"][0]["image_url"]["url"]
    return url


def by_image(asked: Asked) -> str:
    """A caption that tells which picture came: its digest, in two words."""
    return f"Picture {hash(url_of(dict(asked.body))) % 10**6}."


def test_every_sample_is_captioned_once_in_the_datas_order(tmp_path: Path) -> None:
    """20 scenes, in shards of 8, 8 and 4."""
    with served(by_image, model=MODEL) as server:
        assert main(words(server, tmp_path)) == 0
        assert server.requests.count(CHAT) == 20
        sent = {f"Picture {hash(url_of(b)) % 10**6}." for b in server.requests.bodies(CHAT)}
    found = rows(tmp_path)
    sizes = [parquet.read_metadata(file).num_rows for file in sorted(tmp_path.glob("*.parquet"))]
    assert sizes == [8, 8, 4]
    assert [row["id"] for row in found] == [f"shapes-0-train-{n}" for n in range(20)]
    assert {row["caption"] for row in found} == sent
    assert all(row["finished"] and row["tokens"] for row in found)
    assert not list(tmp_path.glob(".captions-*"))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["policy"], manifest["captions"]) == (f"served as {MODEL}", 20)


def test_it_sends_the_picture_upright_before_the_prompt_and_all_of_the_sampling(
    tmp_path: Path,
) -> None:
    """A file of 40 x 60 pixels that EXIF turns by a quarter is 60 x 40 where it is looked at."""
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 60), "red").save(tmp_path / "in" / "turned.jpg", exif=exif)
    with served(lambda asked: "A red picture.", model=MODEL) as server:
        given = words(server, tmp_path / "out", "--temperature", "0.7", "--seed", "3")
        given[given.index("shapes")] = f"images:{tmp_path / 'in'}"
        assert main([*given, "--prompt", "What is there?"]) == 0
        (body,) = server.requests.bodies(CHAT)
    picture, text = body.pop("messages")[0]["content"]
    shown = Image.open(io.BytesIO(base64.b64decode(picture["image_url"]["url"].split(",")[1])))
    assert shown.size == (60, 40)
    assert text == {"type": "text", "text": "What is there?"}
    # 3 x 1,000,003 + 0: the seed of the first caption; of vLLM what is neutral is said too
    assert body == {
        "model": MODEL, "max_tokens": 8, "temperature": 0.7, "top_p": 1.0, "seed": 3_000_009,
        "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "min_tokens": 0,
    }  # fmt: skip


def test_a_hosted_server_hears_of_its_own_settings_only(tmp_path: Path) -> None:
    with served(by_image, model=MODEL, template=None) as server:
        assert main(words(server, tmp_path, "--limit", "1", "--top-k", "5")) == 0
        (body,) = server.requests.bodies(CHAT)
    assert set(body) == {"model", "messages", "max_tokens", "temperature", "top_k"}


def test_a_caption_of_the_longest_length_is_not_finished(tmp_path: Path) -> None:
    with served(lambda asked: "one two three four five six seven eight nine", model=MODEL) as s:
        assert main(words(s, tmp_path, "--limit", "1")) == 0
    (row,) = rows(tmp_path)
    assert (row["caption"], row["tokens"], row["finished"]) == (
        "one two three four five six seven eight", 8, False,
    )  # fmt: skip


def test_a_draw_hangs_on_the_sample_and_not_on_the_shard(tmp_path: Path) -> None:
    def seeded(asked: Asked) -> str:
        return f"Drawn with {asked.body['seed']}."

    with served(seeded, model=MODEL) as server:
        for out, shard in (("a", "8"), ("b", "20")):
            drawn = ["--temperature", "1", "--shard", shard]
            assert main(words(server, tmp_path / out, *drawn)) == 0
    assert rows(tmp_path / "a") == rows(tmp_path / "b")
    assert len({row["caption"] for row in rows(tmp_path / "a")}) == 20


def test_a_killed_captioning_asks_for_the_rest_only(tmp_path: Path) -> None:
    """Killed as soon as 5 captions are kept; one at a time is written, so at most one is lost."""
    out = tmp_path / "out"
    with served(by_image, model=MODEL, latency=0.1) as server:
        more = ["--server.concurrency", "1"]
        begun = subprocess.Popen([sys.executable, "-m", "balcap", *words(server, out, *more)])
        file = out / ".captions-00000.jsonl"
        while not file.is_file() or file.read_bytes().count(b"\n") < 5:
            assert begun.poll() is None
            time.sleep(0.01)
        os.kill(begun.pid, signal.SIGKILL)
        begun.wait()
        kept = file.read_bytes().count(b"\n")
        before = server.requests.count(CHAT)
        assert before - kept in (0, 1)
        assert main(words(server, out)) == 0
        assert server.requests.count(CHAT) == before + 20 - kept
        assert main(words(server, out)) == 0  # all there: nobody is asked
        assert server.requests.count(CHAT) == before + 20 - kept
    assert [row["id"] for row in rows(out)] == [f"shapes-0-train-{n}" for n in range(20)]


def test_an_image_that_is_refused_is_listed_and_the_others_are_captioned(tmp_path: Path) -> None:
    """The second of three; a file that is no picture is listed beside it, and never sent."""
    (tmp_path / "in").mkdir()
    for name, colour in (("a", "red"), ("b", "green"), ("c", "blue")):
        Image.new("RGB", (40, 40), colour).save(tmp_path / "in" / f"{name}.png")
    green = base64.b64encode((tmp_path / "in" / "b.png").read_bytes()).decode()

    @web.middleware
    async def choosy(request: web.Request, handler: Any) -> web.StreamResponse:
        if green in await request.text():
            return web.json_response({"error": {"message": "too green"}}, status=400)
        answer: web.StreamResponse = await handler(request)
        return answer

    with served(lambda asked: "A picture.", model=MODEL, middlewares=[choosy]) as server:
        given = words(server, tmp_path / "out", "--max-bad", "0.5")
        given[given.index("shapes")] = f"images:{tmp_path / 'in'}"
        assert main(given) == 0
    assert [row["caption"] for row in rows(tmp_path / "out")] == ["A picture.", None, "A picture."]
    (bad,) = map(json.loads, (tmp_path / "out" / "bad.jsonl").read_text().splitlines())
    assert bad["id"] == "b.png"
    assert "too green" in bad["error"]


def test_a_model_that_sees_nothing_is_one_message_and_nothing_is_kept_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @web.middleware
    async def blind(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path == CHAT:
            error = {"message": "is not a multimodal model"}
            return web.json_response({"error": error}, status=400)
        answer: web.StreamResponse = await handler(request)
        return answer

    with served(by_image, model=MODEL, middlewares=[blind]) as server:
        assert main(words(server, tmp_path)) == 2
    said = capsys.readouterr().err
    assert f"refused the first {engine.REFUSED_FROM_THE_START} images" in said
    assert "is not a multimodal model" in said
    with served(by_image, model=MODEL) as server:
        assert main(words(server, tmp_path)) == 0
    assert all(row["caption"] for row in rows(tmp_path))


def test_a_server_that_goes_away_ends_the_run_and_what_it_wrote_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers five times, and then fails; the same command goes on with the other fifteen."""
    answered = 0

    @web.middleware
    async def failing(request: web.Request, handler: Any) -> web.StreamResponse:
        nonlocal answered
        if request.path == CHAT:
            if answered == 5:
                return web.json_response({"error": {"message": "out of memory"}}, status=500)
            answered += 1
        answer: web.StreamResponse = await handler(request)
        return answer

    with served(by_image, model=MODEL, middlewares=[failing]) as server:
        given = words(server, tmp_path, "--server.retries", "0", "--server.concurrency", "1")
        assert main(given) == 3
    said = capsys.readouterr().err
    assert "15 captions are missing" in said
    assert "out of memory" in said
    assert "the same command asks for the rest" in said
    with served(by_image, model=MODEL) as server:
        assert main(words(server, tmp_path)) == 0
        assert server.requests.count(CHAT) == 15
    assert len(rows(tmp_path)) == 20


@pytest.mark.parametrize("ending", ["abort", "error"])
def test_a_caption_that_the_server_broke_off_is_asked_for_again(
    tmp_path: Path, ending: str
) -> None:
    said = iter([Said("A pic", finish=ending), Said("A picture.")])
    with served(lambda asked: next(said), model=MODEL) as server:
        assert main(words(server, tmp_path, "--limit", "1")) == 0
    assert rows(tmp_path)[0]["caption"] == "A picture."


def test_another_model_does_not_go_on_with_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(by_image, model=MODEL) as server:
        assert main(words(server, tmp_path)) == 0
    with served(by_image, model="other") as server:
        assert main([*words(server, tmp_path), "--policy", "other"]) == 2
    assert "holds another captioning" in capsys.readouterr().err


def mistakes(server: str) -> dict[str, tuple[list[str], str]]:
    at = ["--engine", "server", "--server.url", server]
    data = ["--data", "shapes", "--out", "out"]
    return {
        "no server": (["--engine", "server", *data], "no server is given; say where it is"),
        "no engine": (["--server.url", server, *data], "add --engine server, or leave out"),
        "a file": (["a.jpg", *at], "captions a data set; give one: --data KIND:PATH"),
        "no such model": ([*at, *data, "--policy", "Qwen/Qwen2.5-VL-3B"], "did you mean"),
        "not given": ([*at, *data], f"it has {MODEL}; set --policy to one"),
        "nobody there": (
            ["--engine", "server", "--server.url", "http://127.0.0.1:9/v1", *data],
            "does not answer (no connection",
        ),
        "no address": (
            ["--engine", "server", "--server.url", "127.0.0.1:8000", *data],
            "server.url has '127.0.0.1:8000'; an address begins with http://",
        ),
        "no key": (
            [*at, *data, "--server.key", "NO_SUCH_KEY"],
            "server.key names the environment variable 'NO_SUCH_KEY', which is not set",
        ),
        "n-grams": (
            [*at, *data, "--no-repeat-ngram", "3"], "no_repeat_ngram is 3, which servers do not",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("mistake", list(mistakes("")))
def test_mistakes_are_one_message_before_anything_is_read(
    mistake: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with served(by_image, model=MODEL) as server:
        given, message = mistakes(server.url)[mistake]
        assert main(["caption", *given]) == 2
        assert not server.requests.count(CHAT)
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_key_that_is_refused_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAPTIONER", "wrong")
    with served(by_image, model=MODEL, key="right") as server:
        assert main(words(server, tmp_path, "--server.key", "CAPTIONER")) == 2
        assert server.requests.count(MODELS) >= 1
    said = capsys.readouterr().err
    assert "the environment variable CAPTIONER" in said
    assert "--server.key NAME" in said
