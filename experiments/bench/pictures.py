"""Processor time of a question about a picture: balcap's judge beside the file's own bytes.

    python experiments/bench/pictures.py [--pictures 8] [--questions 64] [--rounds 3]

A scripted OpenAI-compatible server in a process of its own answers at once. Each picture is asked
about as often as a step asks about it; the asking process sends them in three ways:

- `balcap`: the endpoint backend, as a head asks it; no picture is known when a round begins;
- `file's bytes`: a bare aiohttp client that reads each file once, keeps its base64 and writes each
  body: the least that OpenAI's protocol allows;
- `opened anew`: the same client, with the picture opened and written as PNG for each question, as
  code that hands around PIL images does; on a slice.

Three kinds of file: one that can be sent as it is, one with more pixels than `--judge.max-pixels`,
and one that a judge would see turned (EXIF). The last two cost balcap one JPEG each. Pictures are
noise smoothed to the size of a photograph's file. The fastest of the rounds counts.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from aiohttp import ClientSession
from PIL import Image, ImageFilter
from shared.judge import server

from balcap.config import JudgeSettings
from balcap.console import say, table
from balcap.judges import images
from balcap.judges.endpoint.backend import Endpoint
from balcap.judges.event_loop import run
from balcap.judges.images import Picture
from balcap.judges.types import JudgeRequest, JudgeResponse, Message
from balcap.types import Sample

SLICE = 8  # questions whose picture is opened anew
AT_ONCE = 64
TURNED = 6  # EXIF's orientation: a quarter turn
KINDS = {"as it is": (1024, 980), "too large": (1600, 1200), "turned": (1024, 980)}


def pictures_of(kind: str, count: int, folder: Path) -> list[Path]:
    """JPEG files of a kind, all different."""
    files = []
    for number in range(count):
        file = folder / f"{kind} {number}.jpg"
        noise = Image.effect_noise(KINDS[kind], 60 + number).convert("RGB")
        exif = Image.Exif()
        if kind == "turned":
            exif[0x0112] = TURNED
        noise.filter(ImageFilter.GaussianBlur(1.2)).save(file, quality=90, exif=exif)
        files.append(file)
    return files


def balcap(files: Sequence[Path], questions: int, url: str) -> None:
    images._urls = images._Memo()  # a new step: no picture is known
    settings = JudgeSettings.of(
        backend="endpoint", url=(url,), model="scripted", requests="chat", concurrency=AT_ONCE
    )
    judge = Endpoint(settings)
    shown = [Picture(Sample(file.stem, "", file)) for file in files]
    requests = [
        JudgeRequest((Message("user", f"question {n}", (picture,)),), max_tokens=10)
        for picture in shown
        for n in range(questions)
    ]

    async def ask() -> None:
        answers = [outcome async for _, outcome in judge.answer(requests)]
        assert all(isinstance(answer, JudgeResponse) for answer in answers)

    run(ask())


def plain(urls: Sequence[Callable[[], str]], questions: int, url: str) -> None:
    """A question each, `AT_ONCE` at once, with what `urls` give."""

    async def ask(session: ClientSession, slots: asyncio.Semaphore, number: int) -> None:
        picture = {"type": "image_url", "image_url": {"url": urls[number // questions]()}}
        text = {"type": "text", "text": f"question {number}"}
        body = {
            "model": "scripted",
            "messages": [{"role": "user", "content": [picture, text]}],
            "max_tokens": 10,
        }
        async with slots, session.post(f"{url}/chat/completions", data=json.dumps(body)) as answer:
            assert (await answer.json())["choices"]

    async def ask_all() -> None:
        slots = asyncio.Semaphore(AT_ONCE)
        async with ClientSession() as session:
            await asyncio.gather(*(ask(session, slots, n) for n in range(len(urls) * questions)))

    run(ask_all())


def own_bytes(files: Sequence[Path], questions: int, url: str) -> None:
    known = [_data_url("jpeg", file.read_bytes()) for file in files]
    plain([lambda made=made: made for made in known], questions, url)  # type: ignore[misc]


def opened_anew(files: Sequence[Path], url: str) -> None:
    def as_png(file: Path) -> str:
        written = io.BytesIO()
        Image.open(file).convert("RGB").save(written, format="PNG")
        return _data_url("png", written.getvalue())

    plain([lambda: as_png(files[0])], SLICE, url)


def _data_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def cpu(rounds: int, questions: int, work: Callable[[], None]) -> float:
    """Seconds of processor time a question, the least of the rounds."""
    took = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        took.append((time.process_time() - begun) / questions)
    return min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--questions", type=int, default=64, help="a picture")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rows = []
    with server(0.0, 256) as url, tempfile.TemporaryDirectory() as folder:
        own_bytes(pictures_of("as it is", 1, Path(folder)), 1, url)  # imports, connections
        for kind in KINDS:
            files = pictures_of(kind, given.pictures, Path(folder))
            total = given.pictures * given.questions
            ours = cpu(given.rounds, total, lambda f=files: balcap(f, given.questions, url))  # type: ignore[misc]
            bare = cpu(given.rounds, total, lambda f=files: own_bytes(f, given.questions, url))  # type: ignore[misc]
            anew = cpu(given.rounds, SLICE, lambda f=files: opened_anew(f, url))  # type: ignore[misc]
            rows.append(
                {
                    "file": kind,
                    "kB": f"{files[0].stat().st_size / 1e3:.0f}",
                    "balcap": f"{ours * 1e3:.1f} ms",
                    "file's bytes": f"{bare * 1e3:.1f} ms",
                    "ratio": f"{ours / bare:.2f}",
                    "opened anew": f"{anew * 1e3:.0f} ms",
                }
            )
    say(table(rows))
    say(
        f"processor time a question; {given.pictures} pictures x {given.questions} questions, "
        f"{AT_ONCE} at once; least of {given.rounds} rounds"
    )


if __name__ == "__main__":
    main()
