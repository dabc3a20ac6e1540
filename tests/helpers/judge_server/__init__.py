"""A judge server of one's own: a function behind OpenAI's protocol, on loopback.

For tests and benchmarks of whatever asks an endpoint; needs `aiohttp` (`pip install -e '.[test]'`).
In a test:

    with served(lambda prompt: "B") as server:
        ...  # ask server.url
        assert server.requests.count("/v1/chat/completions") == 1

As a process of its own, started in `tests/`, which prints its address:

    python -m helpers.judge_server --script judge.py:answer --port 8000
"""

from helpers.judge_server.formats import CHAT
from helpers.judge_server.running import served
from helpers.judge_server.said import Asked, Said, Script
from helpers.judge_server.server import COMPLETIONS, DETOKENIZE, MODELS, TOKENIZE, Server

__all__ = [
    "CHAT", "COMPLETIONS", "DETOKENIZE", "MODELS", "TOKENIZE",
    "Asked", "Said", "Script", "Server", "served",
]  # fmt: skip
