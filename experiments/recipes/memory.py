"""How much memory does a recipe take on each GPU? By arithmetic; prints the tables of README.md.

python experiments/recipes/memory.py
"""

from dataclasses import dataclass

GIB = 2**30


@dataclass(frozen=True)
class Model:
    """Numbers of a published configuration: `heads` are those of keys and values."""

    name: str
    parameters: int
    layers: int
    hidden: int
    heads: int
    head_size: int
    vocabulary: int

    @property
    def cache_a_token(self) -> int:
        """Bytes of keys and values in bfloat16."""
        return self.layers * 2 * self.heads * self.head_size * 2


QWEN_3B = Model("Qwen2.5-VL-3B", 3_754_622_976, 36, 2048, 2, 128, 151_936)
LLAVA_7B = Model("LLaVA-1.5-7B", 7_063_427_072, 32, 4096, 32, 128, 32_064)
QWEN_32B = Model("Qwen2.5-VL-32B", 33_452_718_336, 64, 5120, 8, 128, 152_064)
QWEN_72B = Model("Qwen2.5-VL-72B", 73_410_777_344, 80, 8192, 8, 128, 152_064)


def sharded(model: Model, gpus: int) -> dict[str, float]:
    """GiB on each GPU of what FSDP2 or ZeRO-3 shares out, all weights being trained in float32.

    The KL reference (`beta` above 0) is loaded in the policy's dtype, and shared out too.
    """
    share = model.parameters / gpus / GIB
    return {"weights": 4 * share, "gradients": 4 * share, "Adam": 8 * share, "KL": 4 * share}


def working(model: Model, micro_batch: int, prompt: int, caption: int) -> dict[str, float]:
    """GiB on each GPU that a backward pass takes with gradient checkpointing, the least of it: one
    state a layer, and the caption's logits in bfloat16, float32, and their gradient."""
    states = model.layers * micro_batch * (prompt + caption) * model.hidden * 2
    logits = micro_batch * caption * model.vocabulary * (2 + 4 + 4)
    return {"states": states / GIB, "logits": logits / GIB}


def vllm(model: Model, gpus: int, share: float, length: int, card: int = 80) -> dict[str, float]:
    """GiB on each GPU of a vLLM that so many share, and how many texts its cache holds at once.

    Two GiB of its share are left to it for activations and graphs: a guess.
    """
    total = share * card * 1e9 / GIB
    weights = 2 * model.parameters / gpus / GIB
    cache = total - weights - 2
    texts = cache * gpus * GIB / (model.cache_a_token * length)
    return {"share": total, "weights": weights, "cache": cache, "texts": int(texts)}


def row(*cells: object) -> str:
    return "| " + " | ".join(f"{c:.1f}" if isinstance(c, float) else str(c) for c in cells) + " |"


def training() -> list[str]:
    """The table of the GPUs that train."""
    head = (
        "policy", "GPUs", "weights", "gradients", "Adam", "states", "logits", "**sum**",
        "KL reference", "vLLM's share, of it weights", "cache", "texts at once",
    )  # fmt: skip
    lines = [row(*head), row(*["---"] * len(head))]
    for model, prompt, share, length in ((QWEN_3B, 1100, 0.3, 2560), (LLAVA_7B, 640, 0.4, 1792)):
        for gpus in (6, 8):
            held, work = sharded(model, gpus), working(model, 4, prompt, 1024)
            kl = held.pop("KL")
            own = sum(held.values()) + sum(work.values())
            engine = vllm(model, 1, share, length)
            shares = f"{engine['share']:.1f}, {engine['weights']:.1f}"
            lines.append(
                row(
                    model.name, gpus, *held.values(), *work.values(), f"**{own:.1f}**", kl, shares,
                    engine["cache"], engine["texts"],
                )
            )  # fmt: skip
    return lines


def judging() -> list[str]:
    """The table of the GPUs that judge."""
    head = ("judge", "GPUs", "vLLM's share", "weights", "cache", "questions of 8,192 at once")
    lines = [row(*head), row(*["---"] * len(head))]
    for model, gpus in ((QWEN_32B, 2), (QWEN_72B, 8)):
        lines.append(row(model.name, gpus, *vllm(model, gpus, 0.9, 8192).values()))
    return lines


if __name__ == "__main__":
    print("\n".join(training()), "\n".join(judging()), sep="\n\n")
