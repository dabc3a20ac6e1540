"""A scripted server as a process of its own."""

from __future__ import annotations

import argparse
import threading

from balcap.importing import module_of
from helpers.judge_server.running import served
from helpers.judge_server.said import Script
from helpers.judge_server.template import chatml


def _function(place: str) -> Script:
    """Return `path.py:function` or `package.module:function`."""
    source, _, name = place.rpartition(":")
    return getattr(module_of(source, f"the script {place!r}"), name)  # type: ignore[no-any-return]


def main() -> None:
    """Serve a script until the process is ended."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.judge_server", description="Serve a function as a judge."
    )
    parser.add_argument("--script", required=True, help="path.py:function: question -> answer")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--model", default="scripted", help="the name that it answers to")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that a prompt takes")
    parser.add_argument("--concurrency", type=int, default=256, help="prompts answered at once")
    parser.add_argument("--hosted", action="store_true", help="without vLLM's /tokenize")
    given = parser.parse_args()
    with served(
        _function(given.script),
        latency=given.latency,
        concurrency=given.concurrency,
        model=given.model,
        template=None if given.hosted else chatml,
        port=given.port,
    ) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
