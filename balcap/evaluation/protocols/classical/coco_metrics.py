"""How much of a reference's wording does a caption share? BLEU, ROUGE-L, CIDEr-D and METEOR.

All four are pycocoevalcap's, the code that COCO's captions are scored with; METEOR runs in Java.
aac-metrics, the livelier package, would bring a model for sounds (msclap) with it. Texts come in as
words between single blanks (`split`), since the package counts what stands between blanks.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from balcap.advantage.arrays import Float
from balcap.errors import UserError
from balcap.text import words

NGRAMS = 4
Texts = Sequence[Sequence[str]]


class MissingError(Exception):
    """Why a metric cannot be had here, and what would help."""


def check_installed() -> None:
    """Raise UserError if pycocoevalcap is not there."""
    if find_spec("pycocoevalcap") is None:
        raise UserError(
            "classical metrics need pycocoevalcap: pip install 'balcap[metrics]' (104 MB, most of "
            "it METEOR's data)"
        )


def has_java() -> bool:
    """Whether there is a Java to run METEOR and COCO's tokenizer."""
    return shutil.which("java") is not None


def split(texts: Texts, tokenizer: str) -> list[list[str]]:
    """Texts as words between single blanks.

    Args:
        texts: any number for each sample.
        tokenizer: `words`, lower-case words without punctuation; `ptb`, as COCO's are split.

    Raises:
        UserError: if `ptb` does not work here.
    """
    if tokenizer == "words":
        return [[" ".join(words(text)) for text in each] for each in texts]
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    # a lone full stop is dropped as punctuation: it keeps the line of a text without words
    lines = {
        i: [{"caption": " ".join(text.split()) or "."} for text in each]
        for i, each in enumerate(texts)
    }
    try:
        found: Mapping[int, list[str]] = PTBTokenizer().tokenize(lines)
    except OSError as error:
        raise UserError(
            f"the tokenizer `ptb` does not work here ({error}); it needs Java, and a package "
            "folder that can be written to; --tokenizer words needs neither"
        ) from None
    made = [found.get(i, []) for i in range(len(texts))]
    if [len(each) for each in made] != [len(each) for each in texts]:
        raise UserError("the tokenizer `ptb` lost lines: Java failed; use --tokenizer words")
    return made


def bleu_counts(captions: Sequence[str], references: Texts) -> Float:
    """[N, 10] for `bleu`: shared n-grams for n = 1 to 4, all n-grams, words of the caption, and
    words of the reference that is nearest in length."""
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    scorer = BleuScorer(n=NGRAMS)
    for caption, each in zip(captions, references, strict=True):
        scorer += (caption, list(each))
    rows = []
    for counted in scorer.ctest:
        length = counted["testlen"]
        nearest = min((abs(other - length), other) for other in counted["reflen"])[1]
        rows.append([*counted["correct"], *counted["guess"], length, nearest])
    return np.array(rows, dtype=np.float64).reshape(-1, 2 * NGRAMS + 2)


def bleu(counts: Float, order: int) -> Float:
    """BLEU of a corpus, in [0, 1], from sums or means of `bleu_counts`: [..., 10] -> [...].

    The geometric mean of the precisions of n-grams up to `order`, times exp(1 - reference / length)
    where the captions are the shorter ones (Papineni et al., 2002). 0 without any shared n-gram.
    """
    shared, written = counts[..., :order], counts[..., NGRAMS : NGRAMS + order]
    length, nearest = counts[..., -2], counts[..., -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(written > 0, shared / written, 0.0)
        brevity = np.where(length > 0, np.exp(np.minimum(0.0, 1 - nearest / length)), 0.0)
        whole: Float = np.exp(np.log(precision).mean(axis=-1)) * brevity
    return whole


def rouge_l(captions: Sequence[str], references: Texts) -> Float:
    """[N] in [0, 1]: F of the longest common subsequence with beta 1.2, recall and precision each
    from the reference where it is highest."""
    from pycocoevalcap.rouge.rouge import Rouge

    _, scores = Rouge().compute_score(*_as_coco(captions, references))
    return np.asarray(scores, dtype=np.float64)


def cider_d(captions: Sequence[str], references: Texts) -> Float:
    """[N] in [0, 10]: TF-IDF weighted n-grams, clipped, times exp(-d^2 / 72), where d is the
    difference in length; rarity is counted in the references of these very samples.

    Raises:
        MissingError: with fewer than two samples, where every n-gram is as rare as any other.
    """
    if len(captions) < 2:
        raise MissingError("needs two samples or more, to know which words are rare")
    from pycocoevalcap.cider.cider import Cider

    _, scores = Cider().compute_score(*_as_coco(captions, references))
    return np.asarray(scores, dtype=np.float64)


def meteor(captions: Sequence[str], references: Texts) -> Float:
    """[N] in [0, 1]: aligned words, stems, synonyms and paraphrases (METEOR 1.5, English).

    Raises:
        MissingError: without Java, or if METEOR breaks off.
    """
    if not has_java():
        raise MissingError("needs Java: install a JRE, such as default-jre-headless")
    from pycocoevalcap.meteor.meteor import Meteor

    scorer = Meteor()
    try:
        _, scores = scorer.compute_score(*_as_coco(captions, references))
    except (OSError, ValueError) as error:
        scorer.lock.release()  # its destructor waits for it
        raise MissingError(f"METEOR broke off ({error}); it runs `java -Xmx2G`") from None
    return np.asarray(scores, dtype=np.float64)


def _as_coco(captions: Sequence[str], references: Texts) -> tuple[Any, Any]:
    """References and captions by number, as pycocoevalcap takes them."""
    return dict(enumerate(map(list, references))), {i: [text] for i, text in enumerate(captions)}
