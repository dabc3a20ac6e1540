"""Do an image of some size, its prompt and a caption fit into a policy's context?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from balcap.config import ModelSettings
from balcap.logging import quiet
from balcap.policies.loading import load_processor
from balcap.policies.location import Located

_TEMPLATE = 64  # tokens; ours: more than the templates of both families add


@dataclass(frozen=True)
class Context:
    """What a policy reads at once.

    Attributes:
        processor: of the policy; none if it cannot say how many tokens an image takes.
        length: tokens of prompt, image and caption together; None where the policy has no limit.
    """

    processor: Any
    length: int | None
    _images: dict[tuple[int, int], int] = field(default_factory=dict, init=False, compare=False)
    _prompts: dict[str, int] = field(default_factory=dict, init=False, compare=False)

    def fault_of(self, size: tuple[int, int], prompt: str, caption: int) -> str:
        """Why an image cannot be shown to the policy with its prompt; empty if it can.

        Args:
            size: width and height in pixels.
            prompt: without image tokens.
            caption: tokens that are kept for it.
        """
        if self.processor is None or self.length is None:
            return ""
        image = self._shown(size)
        # a token is at least a byte: most prompts need no tokenizer
        if image + len(prompt.encode()) + _TEMPLATE + caption <= self.length:
            return ""
        asked = self._asked(prompt)
        if image + asked + caption <= self.length:
            return ""
        return (
            f"{size[0]} x {size[1]} pixels are {image:,} tokens, its prompt {asked:,} and a "
            f"caption up to {caption:,}, and the policy's context has {self.length:,}; "
            "--max-pixels and --max-tokens limit the first and the last"
        )

    def _shown(self, size: tuple[int, int]) -> int:
        """Tokens of an image."""
        if size not in self._images:
            sizes = [(size[1], size[0])]  # height first
            counted = self.processor._get_num_multimodal_tokens(image_sizes=sizes)
            self._images[size] = int(counted.num_image_tokens[0])
        return self._images[size]

    def _asked(self, prompt: str) -> int:
        """Tokens of a prompt in the chat template, without those of the image."""
        if prompt not in self._prompts:
            content = [{"type": "image"}, {"type": "text", "text": prompt}]
            text = self.processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
            )
            tokens = self.processor.tokenizer(text)["input_ids"]
            self._prompts[prompt] = len(tokens) - 1  # the placeholder of the image
        return self._prompts[prompt]


def context_of(settings: ModelSettings, origin: Located, longest: int | None = None) -> Context:
    """The context of a policy, by its files; no weights are read.

    Args:
        settings: pixel limits.
        origin: where the policy is.
        longest: a limit of what generates, below the policy's own.
    """
    from transformers import AutoConfig

    quiet()
    try:
        processor = load_processor(settings, origin)
        config = AutoConfig.from_pretrained(origin.source, revision=origin.revision)
    except (OSError, ValueError):  # which loading the policy will tell
        return Context(None, None)
    own = getattr(config.get_text_config(), "max_position_embeddings", None)
    limits = [each for each in (own, longest) if each is not None]
    counts = hasattr(processor, "_get_num_multimodal_tokens")  # what vLLM asks, too
    return Context(processor if counts else None, min(limits, default=None))
