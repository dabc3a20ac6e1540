"""A judge server of one's own: a function behind OpenAI's protocol, on loopback.

For tests and benchmarks of whatever asks an endpoint; needs `aiohttp` (`pip install balcap[test]`).
In a test:

    with served(lambda prompt: "B") as server:
        ...  # ask server.url
        assert server.requests.count("/v1/chat/completions") == 1

As a process of its own, which prints its address:

    python -m balcap.judges.serving --script judge.py:answer --port 8000
"""

from balcap.judges.serving.formats import CHAT
from balcap.judges.serving.running import served
from balcap.judges.serving.said import Asked, Said, Script
from balcap.judges.serving.server import COMPLETIONS, DETOKENIZE, MODELS, TOKENIZE, Server

__all__ = [
    "CHAT", "COMPLETIONS", "DETOKENIZE", "MODELS", "TOKENIZE",
    "Asked", "Said", "Script", "Server", "served",
]  # fmt: skip
