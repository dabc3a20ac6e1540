"""Classical metrics: worked numbers, what is left out, and what it says of itself."""

import json
import math
import string
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.config import DataSettings
from balcap.data import shapes
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.classical import coco_metrics
from balcap.evaluation.protocols.classical.coco_metrics import (
    bleu,
    bleu_counts,
    cider_d,
    rouge_l,
    split,
)
from balcap.evaluation.protocols.classical.command import ClassicalSettings
from balcap.evaluation.protocols.classical.protocol import WORTH, Classical

# a: ROUGE-L: P 3/3, R 3/5, F with beta 1.2: 2.44 x 1 x 0.6 / (0.6 + 1.44 x 1)
# b: P 4/5, R 4/4: 2.44 x 0.8 x 1 / (1 + 1.44 x 0.8)
CAPTIONS = {"a": "A red ball.", "b": "A dog runs fast, here", "c": "Nobody asked."}
DATA = [
    {"id": "a", "caption": "a red ball on grass"},
    {"id": "b", "captions": ["A dog runs fast.", "Something else"]},
    {"id": "c", "caption": "?!"},  # no words: no reference
    {"id": "d", "caption": "No caption is here."},
]
ROUGE = {"a": 2.44 * 0.6 / (0.6 + 1.44), "b": 2.44 * 0.8 / (1 + 1.44 * 0.8)}

# Shared of all n-grams: 3 + 4 of 3 + 5, 2 + 3 of 2 + 4, 1 + 2 of 1 + 3, 0 + 1 of 0 + 2.
# 8 words against 5 + 4: the captions are shorter by 1/8.
BREVITY = math.exp(1 - 9 / 8)
BLEU_1 = BREVITY * 7 / 8
BLEU_4 = BREVITY * (7 / 8 * 5 / 6 * 3 / 4 * 1 / 2) ** (1 / 4)

needs_java = pytest.mark.skipif(not coco_metrics.has_java(), reason="no Java")


def write(folder: Path) -> tuple[Path, str]:
    captions, data = folder / "captions.json", folder / "references.json"
    captions.write_text(json.dumps(CAPTIONS))
    data.write_text(json.dumps(DATA))
    return captions, f"records:{data}"


def judged(folder: Path, **more: object) -> dict:
    captions, data = write(folder)
    chosen = {"captions": captions, "data": data, "out": folder / "out", **more}
    assert evaluate(Classical(ClassicalSettings(**chosen))) == 0  # type: ignore[arg-type]
    return json.loads((folder / "out" / "summary.json").read_text())


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CLIP of two layers that reads single letters."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    letters = [letter for letter in string.printable if not letter.isspace()]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    end = len(words) - 1
    small = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={
            **small, "vocab_size": len(words), "num_hidden_layers": 1, "eos_token_id": end,
            "bos_token_id": end - 1, "pad_token_id": end, "max_position_embeddings": 77,
        },
        vision_config={**small, "num_hidden_layers": 1, "image_size": 32, "patch_size": 16},
        projection_dim=8,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("clip")
    CLIPModel(config).save_pretrained(folder)
    tokenizer = CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[])
    size = {"height": 32, "width": 32}
    CLIPProcessor(CLIPImageProcessor(size=size, crop_size=size), tokenizer).save_pretrained(folder)
    return folder


@pytest.mark.usefixtures("no_java")
def test_worked_numbers_and_one_line_for_each_metric_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = judged(tmp_path)
    assert summary["score"] == pytest.approx(100 * sum(ROUGE.values()) / 2)
    assert summary["n_scored"] == 2
    assert summary["invalid"] == {"no reference": 1, "no caption": 1}
    metrics = summary["metrics"]
    assert set(metrics) == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider_d"}
    assert metrics["bleu_1"]["value"] == pytest.approx(100 * BLEU_1)
    assert metrics["bleu_4"]["value"] == pytest.approx(100 * BLEU_4)
    assert metrics["bleu_4"]["interval"][0] <= 100 * BLEU_4 <= metrics["bleu_4"]["interval"][1]
    assert metrics["rouge_l"]["n"] == 2
    assert set(summary["left_out"]) == {"meteor", "clipscore"}
    said = capsys.readouterr().out.splitlines()
    (meteor,) = (line for line in said if "meteor" in line)
    (clipscore,) = (line for line in said if line.strip().startswith("clipscore"))
    assert "left out: needs Java: install a JRE" in meteor
    assert "left out: needs a CLIP model: --clip openai/clip-vit-base-patch32" in clipscore
    assert f"  {WORTH}" in said


@pytest.mark.usefixtures("no_java")
def test_only_the_chosen_metrics_are_computed(tmp_path: Path) -> None:
    summary = judged(tmp_path, metrics=("bleu",))
    assert set(summary["metrics"]) == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l"}
    assert summary["left_out"] == {}


@needs_java
def test_meteor_and_the_tokenizer_of_coco(tmp_path: Path) -> None:
    """METEOR of a caption that is its reference but for case and punctuation is 1, of one that
    shares nothing 0."""
    captions, data = write(tmp_path)
    captions.write_text(
        json.dumps({"a": "A red ball, on grass!", "b": "Zzz.", "d": "no CAPTION; is here"})
    )
    settings = ClassicalSettings(
        captions=captions, data=data, out=tmp_path / "out", tokenizer="ptb",
        metrics=("meteor", "rouge"),
    )  # fmt: skip
    assert evaluate(Classical(settings)) == 0
    lines = (tmp_path / "out" / "items.jsonl").read_text().splitlines()
    found = {record["id"]: record for record in map(json.loads, lines)}
    assert found["a"]["rouge_l"] == found["d"]["rouge_l"] == 1.0
    assert found["a"]["meteor"] == pytest.approx(1.0)
    assert found["b"]["meteor"] == 0.0
    # COCO's tokenizer takes "cat's" apart, ours does not; a text without words keeps its place
    assert split([["The cat's hat."], [""], ["A\nb"]], "ptb") == [["the cat 's hat"], [""], ["a b"]]
    assert split([["The cat's hat."], [""]], "words") == [["the cat's hat"], [""]]


def test_bleu_is_pycocoevalcaps() -> None:
    from pycocoevalcap.bleu.bleu import Bleu

    captions = ["a red circle left of a star", "", "the cat is on the mat and so on and so on"]
    references = [["a red circle is left of a blue star"], ["a dog"], ["a cat is on the mat", "so"]]
    theirs, _ = Bleu(4).compute_score(*coco_metrics._as_coco(captions, references), verbose=0)
    counts = bleu_counts(captions, references)
    assert [float(bleu(counts.mean(axis=0), n)) for n in (1, 2, 3, 4)] == pytest.approx(theirs)
    assert float(bleu(bleu_counts(["x"], [["y"]])[0], 4)) == 0.0


def test_cider_is_ten_for_the_reference_itself_and_vanishes_with_length() -> None:
    """Two references of five different words: every n-gram has the same weight, so that the
    caption that is its reference has a cosine of 1 for n = 1 to 4. With 12 words more, whatever
    they are, the factor is exp(-144 / 72)."""
    references = [["a red ball on grass"], ["two dogs run very fast"]]
    scores = cider_d(["a red ball on grass", "nothing of it"], references)
    assert scores.tolist() == pytest.approx([10.0, 0.0])
    longer = cider_d(["a red ball on grass" + " or so" * 6, "x"], references)
    assert 0 < longer[0] < 10 * math.exp(-2)
    with pytest.raises(coco_metrics.MissingError, match="two samples"):
        cider_d(["a"], [["a"]])


def test_rouge_takes_the_nearest_reference() -> None:
    assert rouge_l(["a b c"], [["x", "a b c"]]).tolist() == [1.0]


def test_clip_score_is_the_cosine_and_says_what_clip_did_not_see(
    clip: Path, tmp_path: Path
) -> None:
    """Two captions of the held-out scenes; the second has more letters than CLIP reads."""
    import torch
    from transformers import CLIPModel, CLIPProcessor

    held_out = shapes.load(DataSettings(eval_samples=2))[1]
    texts = ["a star", "a circle " * 20]
    captions = tmp_path / "captions.json"
    captions.write_text(json.dumps({s.id: t for s, t in zip(held_out, texts, strict=True)}))
    settings = ClassicalSettings(
        captions=captions, data="shapes", limit=2, out=tmp_path / "out", metrics=("clipscore",),
        clip=str(clip),
    )  # fmt: skip
    assert evaluate(Classical(settings)) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["clip_truncated_frac"] == 0.5

    model, processor = CLIPModel.from_pretrained(clip), CLIPProcessor.from_pretrained(clip)
    cosines = []
    for sample, text in zip(held_out, texts, strict=True):
        inputs = processor(
            text=[text], images=[sample.open_image()], return_tensors="pt", truncation=True,
            max_length=77,
        )  # fmt: skip
        with torch.no_grad():
            cosine = model(**inputs).logits_per_image / model.logit_scale.exp()
        cosines.append(max(0.0, float(cosine)))
    assert summary["metrics"]["clipscore"]["value"] == pytest.approx(50 * sum(cosines), abs=1e-4)


@pytest.mark.usefixtures("no_java")
def test_mistakes_are_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    captions, data = write(tmp_path)
    begin = ["eval", "classical", "--captions", str(captions), "--data", data]
    config = tmp_path / "bert"
    config.mkdir()
    (config / "config.json").write_text('{"model_type": "bert"}')
    for more, message in (
        (["--tokenizer", "ptb"], "tokenizer is 'ptb', which needs Java"),
        (["--metrics", "blue"], "no metric 'blue'; have bleu, rouge"),
        (["--clip", str(tmp_path / "nothing")], "no CLIP model"),
        (["--clip", str(config)], "a 'bert' model; it must be a CLIP model"),
        (["--data", ""], "no data; name images with reference captions"),
    ):
        assert main([*begin, *more]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    monkeypatch.setattr(coco_metrics, "find_spec", lambda name: None)
    assert main(begin) == 2
    assert "pip install 'balcap[metrics]'" in capsys.readouterr().err
