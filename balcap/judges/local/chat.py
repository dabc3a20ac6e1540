"""How does a question become the tokens of a local model?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from balcap.errors import UserError
from balcap.judges.images import shrunk
from balcap.judges.types import JudgeRequest, Message

# For models without a chat template, such as base models.
PLAIN_TEMPLATE = (
    "{% for m in messages %}{{ {'system': '', 'user': 'Question: ', 'assistant': 'Answer: '}"
    "[m['role']] }}{{ m['content'] }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}Answer:{% endif %}"
)


class Chat:
    """The tokenizer or processor of a model, with its chat template.

    Args:
        source: what the model is called in errors.
        reader: a tokenizer, or a processor of text and images.
        sees: whether it is a processor.
    """

    def __init__(self, source: str, reader: Any, sees: bool) -> None:
        self._source = source
        self._reader = reader
        self._sees = sees
        self.tokenizer = reader.tokenizer if sees else reader
        self.tokenizer.padding_side = "left"  # the answers begin side by side
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token
        if not sees and not reader.chat_template:
            reader.chat_template = PLAIN_TEMPLATE
        self._takes_system = self._renders([Message("system", "a"), Message("user", "b")])
        self._of_choice: dict[str, list[int]] = {}

    def encode(self, requests: Sequence[JudgeRequest], max_pixels: int) -> Any:
        """`input_ids` and `attention_mask` of B questions, [B, longest], padded on the left, and
        what the model needs of their pictures.

        Raises:
            UserError: for a picture that the model cannot see.
        """
        if not self._sees and any(
            message.pictures for request in requests for message in request.messages
        ):
            raise UserError(
                f"the judge's model {self._source!r} reads text only, and is asked about an image; "
                "give an image-text-to-text model, such as Qwen/Qwen2.5-VL-7B-Instruct"
            )
        chats = [self._plain(request.messages, max_pixels) for request in requests]
        how: dict[str, Any] = {"padding": True}
        return self._reader.apply_chat_template(
            chats,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            **({"processor_kwargs": how} if self._sees else how),
        )

    def tokens_of(self, choice: str) -> list[int]:
        """Numbers of the tokens that are a choice, such as `B` and ` B`.

        Raises:
            UserError: if there is none.
        """
        if choice not in self._of_choice:
            # Ġ and ▁ are how the two kinds of tokenizers write a blank before a word
            spelled = self.tokenizer.convert_tokens_to_ids(
                [choice, "\u0120" + choice, "\u2581" + choice]
            )
            encoded = [
                self.tokenizer.encode(blank + choice, add_special_tokens=False)
                for blank in ("", " ")
            ]
            candidates = {*spelled, *(ids[0] for ids in encoded if len(ids) == 1)} - {None}
            found = sorted(i for i in candidates if self.tokenizer.decode([i]).strip() == choice)
            if not found:
                raise UserError(
                    f"the choice {choice!r} is no single token of the judge's model "
                    f"{self._source!r}, so its log-probability cannot be had; use another model, "
                    "or ask for the answer as text"
                )
            self._of_choice[choice] = found
        return self._of_choice[choice]

    def _plain(self, messages: Sequence[Message], max_pixels: int) -> list[dict[str, Any]]:
        """As templates want it. A system prompt goes before the user's first words where the
        template refuses one."""
        if not self._takes_system and messages[0].role == "system":
            system, first, *rest = messages
            text = f"{system.text}\n\n{first.text}"
            messages = [Message(first.role, text, first.pictures), *rest]
        return [
            {"role": message.role, "content": self._content(message, max_pixels)}
            for message in messages
        ]

    def _content(self, message: Message, max_pixels: int) -> str | list[dict[str, Any]]:
        if not self._sees:
            return message.text
        pictures = (shrunk(picture.open(), max_pixels) for picture in message.pictures)
        return [
            *({"type": "image", "image": picture} for picture in pictures),
            {"type": "text", "text": message.text},
        ]

    def _renders(self, messages: Sequence[Message]) -> bool:
        chat = [{"role": m.role, "content": self._content(m, 1)} for m in messages]
        try:
            self._reader.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        except TemplateError:  # as Gemma's says that it has no system role
            return False
        return True
