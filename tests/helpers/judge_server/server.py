"""What does the scripted server answer at each of its addresses?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from helpers.judge_server.formats import CHAT, completion
from helpers.judge_server.load import Requests, Slots
from helpers.judge_server.said import Asked, Said, Script
from helpers.judge_server.template import Template, decode, encode, last_user_turn, text_of

if TYPE_CHECKING:
    from aiohttp import web

COMPLETIONS, MODELS = "/v1/completions", "/v1/models"
TOKENIZE, DETOKENIZE = "/tokenize", "/detokenize"
LARGEST = 1 << 30  # bytes of a request: images travel in it

_WORD = re.compile(r"\s*\S+")


@dataclass
class Server:
    """A running server.

    Attributes:
        script: from a question to its answer.
        model: the one name that it answers to.
        key: what a request must bear, where there is one.
        template: how a conversation becomes a prompt, for vLLM's `/tokenize`; None: a hosted
            server, which has no such address.
        slots: when a prompt is answered.
        url: its base address, up to and with `/v1`.
        requests: what came in.
    """

    script: Script
    model: str
    key: str
    template: Template | None
    slots: Slots
    url: str = ""
    requests: Requests = field(default_factory=Requests)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.split(":")[2].split("/")[0])

    def app(self, middlewares: Sequence[Any] = ()) -> web.Application:
        """What aiohttp is to run."""
        from aiohttp import web

        app = web.Application(middlewares=middlewares, client_max_size=LARGEST)
        app.router.add_get(MODELS, self._models)
        app.router.add_get("/requests", self._counts)
        for path in (CHAT, COMPLETIONS):
            app.router.add_post(path, self._answer)
        if self.template is not None:
            app.router.add_post(TOKENIZE, self._tokenize)
            app.router.add_post(DETOKENIZE, self._detokenize)
        return app

    async def _models(self, request: web.Request) -> web.Response:
        self.requests.add(request.path, None)
        owner = "somebody" if self.template is None else "vllm"
        model = {"id": self.model, "object": "model", "owned_by": owner}
        return _json({"object": "list", "data": [model]})

    async def _counts(self, request: web.Request) -> web.Response:
        """For those in another process."""
        paths = (MODELS, CHAT, COMPLETIONS, TOKENIZE, DETOKENIZE)
        counts = {path: self.requests.count(path) for path in paths}
        return _json({**counts, "prompts": self.requests.prompts})

    async def _answer(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.requests.add(request.path, body)
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            return _error(401, "Incorrect API key provided")
        if body.get("model") != self.model:
            return _error(404, f"The model `{body.get('model')}` does not exist.")
        prompts = self._prompts(request.path, body)
        self.requests.prompts += len(prompts)
        await self.slots.serve(len(prompts))
        return _json(completion(request.path, body, prompts, [self._say(p) for p in prompts]))

    def _prompts(self, path: str, body: Mapping[str, Any]) -> list[Asked]:
        if path == CHAT:
            texts = [text_of([m for m in body["messages"] if m["role"] == "user"][-1])]
        else:
            given = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
            texts = [last_user_turn(text) for text in given]
        prompts = [Asked(text) for text in texts]
        for prompt in prompts:
            prompt.body, prompt.path = body, path
        return prompts

    def _say(self, prompt: Asked) -> Said:
        answer = self.script(prompt)
        said = answer if isinstance(answer, Said) else Said(answer)
        words = _WORD.findall(said.text)
        limit = prompt.body.get("max_completion_tokens") or prompt.body.get("max_tokens")
        cut = limit is not None and len(words) > limit
        text = "".join(words[:limit]) if cut else said.text
        logprobs = said.logprobs or {words[0] if words else "": 0.0}
        return Said(text, logprobs, said.finish or ("length" if cut else "stop"))

    async def _tokenize(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.requests.add(request.path, body)
        assert self.template is not None
        text = self.template(body["messages"]) if "messages" in body else body["prompt"]
        tokens = encode(text)
        return _json({"count": len(tokens), "max_model_len": 32768, "tokens": tokens})

    async def _detokenize(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.requests.add(request.path, body)
        return _json({"prompt": decode(body["tokens"])})


def _json(body: Any) -> web.Response:
    from aiohttp import web

    return web.Response(body=json.dumps(body).encode(), content_type="application/json")


def _error(status: int, message: str) -> web.Response:
    from aiohttp import web

    error = {"message": message, "type": "invalid_request_error", "code": status}
    return web.json_response({"error": error}, status=status)
