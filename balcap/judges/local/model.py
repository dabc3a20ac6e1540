"""How does a transformers model answer a batch of questions?"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    GenerationConfig,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from balcap.errors import JudgeError, UnusableAnswerError, UserError
from balcap.judges.local.chat import Chat
from balcap.judges.local.sampling import TokenSampler
from balcap.judges.types import JudgeRequest, JudgeResponse, Outcome
from balcap.logging import quiet, without_bars


def load(source: str, device: str | None) -> LocalModel:
    """Return the model that all of this process share.

    Args:
        source: a hub id, a folder or a GGUF file.
        device: a torch device; None: the GPU if there is one.

    Raises:
        UserError: if it cannot be loaded, or the device is not there.
    """
    with _lock:  # two threads may be the first at once
        return _loaded(source, device or ("cuda" if torch.cuda.is_available() else "cpu"))


_lock = threading.Lock()


@cache
def _loaded(source: str, device: str) -> LocalModel:
    quiet()
    is_gguf = source.endswith(".gguf")
    place = str(Path(source).parent) if is_gguf else source
    file: dict[str, Any] = {"gguf_file": Path(source).name} if is_gguf else {}
    try:
        config = AutoConfig.from_pretrained(place, **file)
        sees = hasattr(config, "vision_config") and (
            config.model_type in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
        )
        kind = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        # as policies do: a CPU is fast and exact in float32, a GPU has room for bfloat16
        dtype = torch.float32 if device.startswith("cpu") else torch.bfloat16
        with without_bars(place):
            reader = (AutoProcessor if sees else AutoTokenizer).from_pretrained(place, **file)
            # reading a GGUF file's header takes seconds: its configuration is not read twice
            known = {**file, "config": config} if is_gguf else {}
            model = kind.from_pretrained(place, dtype=dtype, **known)
    except (OSError, ValueError, ImportError) as error:
        raise UserError(
            f"the judge's model {source!r} cannot be loaded ({_first_line(error)}); give a folder "
            "written by save_pretrained, or a hub id such as Qwen/Qwen2.5-7B-Instruct"
        ) from error
    try:
        model = model.to(device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"the judge's model {source!r} cannot be put on judge.device {device!r} "
            f"({_first_line(error)}); give another, such as cpu or cuda:0"
        ) from error
    return LocalModel(source, model.eval(), Chat(source, reader, sees))


class LocalModel:
    """A loaded model. Answers one batch at a time, from whichever thread.

    Args:
        source: what it is called in errors.
        model: a causal or an image-text-to-text model.
        chat: turns questions into its tokens.
    """

    def __init__(self, source: str, model: Any, chat: Chat) -> None:
        self._source = source
        self._model = model
        self._chat = chat
        self._busy = threading.Lock()
        own = model.generation_config
        ends = own.eos_token_id if isinstance(own.eos_token_id, list) else [own.eos_token_id]
        self._ends = sorted({*ends, chat.tokenizer.eos_token_id} - {None})
        # nothing but what the question says: some models' own have a repetition penalty
        model.generation_config = GenerationConfig(
            eos_token_id=self._ends or None, pad_token_id=chat.tokenizer.pad_token_id
        )
        longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self._longest: int = longest or 1 << 60

    def answer(self, requests: Sequence[JudgeRequest], max_pixels: int) -> list[Outcome]:
        """Answer all, in their order. One that is too long for the model, or for the memory when
        it is asked alone, gets an error in its place.

        Args:
            asks: all with pictures, or all without.
            max_pixels: larger pictures are shrunk to this.
        """
        with self._busy, torch.inference_mode():
            return self._in_parts(requests, max_pixels)

    def _in_parts(self, requests: Sequence[JudgeRequest], max_pixels: int) -> list[Outcome]:
        try:
            return self._together(requests, max_pixels)
        except torch.OutOfMemoryError:
            if len(requests) == 1:
                return [JudgeError(f"{self._source} ran out of memory; set --judge.max_pixels")]
        torch.cuda.empty_cache()
        half = len(requests) // 2
        return [
            *self._in_parts(requests[:half], max_pixels),
            *self._in_parts(requests[half:], max_pixels),
        ]

    def _together(self, requests: Sequence[JudgeRequest], max_pixels: int) -> list[Outcome]:
        start = time.perf_counter()
        inputs = self._chat.encode(requests, max_pixels).to(self._model.device)
        lengths: list[int] = inputs["attention_mask"].sum(dim=1).tolist()
        if errors := {
            n: e for n, request in enumerate(requests) if (e := self._too_long(request, lengths[n]))
        }:
            fitting = [request for n, request in enumerate(requests) if n not in errors]
            answers = iter(self._together(fitting, max_pixels) if fitting else ())
            return [errors[n] if n in errors else next(answers) for n in range(len(requests))]
        written, chances = self._written(inputs, requests)
        seconds = time.perf_counter() - start
        rows = zip(requests, lengths, written, chances, strict=True)
        return [
            self._answer(tokens[: request.max_tokens], length, chance, seconds)
            for request, length, tokens, chance in rows
        ]

    def _too_long(self, request: JudgeRequest, length: int) -> JudgeError | None:
        if length + request.max_tokens <= self._longest:
            return None
        return UnusableAnswerError(
            f"the question is {length} tokens long, and {self._source} has room for "
            f"{self._longest}, with {request.max_tokens} for the answer"
        )

    def _written(
        self, inputs: Any, requests: Sequence[JudgeRequest]
    ) -> tuple[list[list[int]], list[tuple[float, ...] | None]]:
        """The tokens of each answer, with what comes behind its end, and the choices' chances."""
        prompt = inputs["input_ids"].shape[1]
        sampler = TokenSampler(requests, prompt, self._chat.tokens_of)
        tokens = self._model.generate(
            **inputs,
            do_sample=False,
            max_new_tokens=max(request.max_tokens for request in requests),
            logits_processor=[sampler.logits],
            stopping_criteria=[lambda tokens, _, **__: sampler.done(tokens)],
        )
        return tokens[:, prompt:].tolist(), sampler.chances

    def _answer(
        self, tokens: list[int], prompt: int, chances: tuple[float, ...] | None, seconds: float
    ) -> JudgeResponse:
        end = next((n for n, token in enumerate(tokens) if token in self._ends), len(tokens))
        text = self._chat.tokenizer.decode(tokens[:end], skip_special_tokens=True)
        return JudgeResponse(text, chances, prompt, min(end + 1, len(tokens)), seconds)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
