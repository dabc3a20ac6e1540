"""Which token comes next in each row of a batch? As if the row were alone in it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence

import torch

from balcap.judges.types import JudgeRequest


class TokenSampler:
    """What `generate` calls with the logits of a step, and then with the tokens so far.

    Greedy rows keep their logits. For the others one uniform number, which depends on the question
    and the step only, picks a token of the nucleus; it alone is left, so that greedy search takes
    it. After the last step:

    Attributes:
        chances: of each row, the log-probability of each choice as the first token, all tokens that
            are that choice together; None for a row without choices.
    """

    def __init__(
        self, requests: Sequence[JudgeRequest], prompt: int, tokens_of: Callable[[str], list[int]]
    ) -> None:
        self._asks = requests
        self._prompt = prompt
        self._choices = [[tokens_of(choice) for choice in request.choices] for request in requests]
        self._random = [_random(request) for request in requests]
        self.chances: list[tuple[float, ...] | None] = [None] * len(requests)

    def logits(self, tokens: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Logits [B, V] of the next token -> those that greedy search is to see."""
        if tokens.shape[1] == self._prompt:
            self._note_chances(logits)
        picked = logits
        for row, request in enumerate(self._asks):
            if request.temperature > 0:
                picked = logits.clone() if picked is logits else picked
                token = self._drawn(logits[row], request, self._random[row].random())
                picked[row] = -torch.inf
                picked[row, token] = 0.0
        return picked

    def done(self, tokens: torch.Tensor) -> torch.Tensor:
        """Which rows have all the tokens that they may have, [B] bool."""
        written = tokens.shape[1] - self._prompt
        return torch.tensor(
            [written >= request.max_tokens for request in self._asks], device=tokens.device
        )

    def _note_chances(self, logits: torch.Tensor) -> None:
        for row, choices in enumerate(self._choices):
            if choices:
                logprobs = logits[row].float().log_softmax(dim=-1)
                self.chances[row] = tuple(float(logprobs[ids].logsumexp(dim=0)) for ids in choices)

    @staticmethod
    def _drawn(logits: torch.Tensor, request: JudgeRequest, uniform: float) -> int:
        """The token at `uniform` of the cumulated probability, the likeliest first; the nucleus is
        the shortest such row of tokens that holds at least `top_p`."""
        chance, order = (
            (logits.float() / request.temperature)
            .softmax(dim=-1)
            .sort(descending=True, stable=True)
        )
        cumulated = chance.double().cumsum(dim=0)
        inside = int((cumulated - chance < request.top_p).sum())
        at = torch.searchsorted(cumulated[:inside], uniform * cumulated[inside - 1], right=True)
        return int(order[min(int(at), inside - 1)])


def _random(request: JudgeRequest) -> random.Random:
    content = json.dumps(request.content(), sort_keys=True)
    return random.Random(hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest())
