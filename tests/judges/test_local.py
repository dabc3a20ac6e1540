"""A transformers model in this process answers as it would alone, whatever is asked beside it."""

import asyncio
import math
from pathlib import Path

import pytest
import torch

from balcap.config import JudgeSettings
from balcap.errors import UnusableAnswerError, UserError
from balcap.judges.images import Picture
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.local.backend import Local
from balcap.judges.local.model import load
from balcap.judges.local.sampling import TokenSampler
from balcap.judges.types import JudgeRequest, JudgeResponse, Message
from balcap.types import Sample

TINY = Path(__file__).parents[2] / "balcap" / "policies" / "tiny"
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    + TEMPLATE
)


def llama(folder, template=TEMPLATE):
    """A random Llama of two layers that reads and writes single letters."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<pad>", "<|im_start|>", "<|im_end|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*special, *letters, "\u0120B"])}
    raw = Tokenizer(models.BPE(vocabulary, [("\u0120", "B")]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="<|im_end|>", chat_template=template,
        additional_special_tokens=["<|im_start|>"],
    )  # fmt: skip
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=512, initializer_range=0.5,
        eos_token_id=2, pad_token_id=0, bos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.generation_config.repetition_penalty = 5.0  # a judge must not keep such a habit
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    llama(folder)
    return folder


def judge(folder, **settings):
    given = {"backend": "local", "model": str(folder), "device": "cpu"} | settings
    return Judge(SharedBackend(Local(JudgeSettings.of(**given))))


def request(judge, requests):
    return asyncio.run(judge.ask(requests))


QUESTIONS = ["a", "what colour is the ball?", "is it red? " * 5, "yes or no", "what?"]


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_an_answer_does_not_hang_on_the_batch_or_its_order(folder, temperature):
    requests = [
        JudgeRequest.of(
            text, max_tokens=3 + 4 * number, temperature=temperature, choices=("A", "B")
        )
        for number, text in enumerate(QUESTIONS)
    ]
    together = request(judge(folder), requests)
    alone = request(judge(folder, batch=1), requests)
    backwards = request(judge(folder, batch=2), requests[::-1])[::-1]
    for one, two, three in zip(together, alone, backwards, strict=True):
        assert one.text == two.text == three.text
        assert one.logprobs == pytest.approx(two.logprobs, abs=1e-4)
        assert (one.prompt_tokens, one.completion_tokens) == (
            two.prompt_tokens,
            two.completion_tokens,
        )


def by_hand(folder, text, steps):
    """Greedy search written out: the argmax of the last logits, again and again."""
    model = load(str(folder), "cpu")
    tokens = model._chat.tokenizer(
        f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n", return_tensors="pt"
    )["input_ids"]
    prompt, first = tokens.shape[1], None
    for _ in range(steps):
        with torch.no_grad():
            logits = model._model(tokens).logits[0, -1]
        first = logits.log_softmax(0) if first is None else first
        tokens = torch.cat([tokens, logits.argmax().view(1, 1)], dim=1)
        if tokens[0, -1] == 2:
            break
    return model._chat.tokenizer, tokens[0, prompt:], prompt, first


def test_a_greedy_answer_is_the_models_own_without_its_habits(folder):
    (answer,) = request(judge(folder), [JudgeRequest.of(QUESTIONS[1], max_tokens=12)])
    tokenizer, tokens, prompt, _ = by_hand(folder, QUESTIONS[1], 12)
    assert answer.text == tokenizer.decode(tokens, skip_special_tokens=True)
    assert (answer.prompt_tokens, answer.completion_tokens) == (prompt, len(tokens))
    assert answer.logprobs is None


def test_a_choices_chance_is_that_of_all_tokens_that_are_it(folder):
    (answer,) = request(
        judge(folder), [JudgeRequest.of("which?", max_tokens=1, choices=("A", "B"))]
    )
    tokenizer, _, _, first = by_hand(folder, "which?", 1)
    number = tokenizer.convert_tokens_to_ids
    both = first[number("B")].exp() + first[number("\u0120B")].exp()  # `B` and ` B`
    assert answer.logprobs == pytest.approx((float(first[number("A")]), math.log(both)), abs=1e-4)


def test_draws_differ_and_each_can_be_had_again(folder):
    requests = [
        JudgeRequest.of("say", max_tokens=8, temperature=1.0, draw=draw) for draw in range(6)
    ]
    first, again = request(judge(folder), requests), request(judge(folder), requests)
    assert len({answer.text for answer in first}) > 3
    assert [answer.text for answer in first] == [answer.text for answer in again]


def test_draws_follow_the_models_distribution_inside_the_nucleus():
    # softmax of these is 1/2, 1/4, 1/8, 1/8; a nucleus of 0.7 keeps the first two: 2/3 and 1/3
    logits = torch.tensor([[1 / 8, 1 / 2, 1 / 8, 1 / 4]]).log()
    counts = [0] * 4
    for draw in range(900):
        sampler = TokenSampler(
            [JudgeRequest.of("q", temperature=1.0, top_p=0.7, draw=draw)], 1, lambda _: []
        )
        counts[int(sampler.logits(torch.zeros(1, 1), logits).argmax())] += 1
    assert counts[0] == counts[2] == 0
    assert counts[1] == pytest.approx(600, abs=60)  # four standard deviations: 4 sqrt(900 2/9)


def test_the_callers_random_state_is_left_alone(folder):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    request(judge(folder), [JudgeRequest.of("say", max_tokens=2, temperature=1.0)])
    assert torch.equal(before, torch.get_rng_state())


def test_a_model_is_loaded_once_for_all_judges_of_a_process(folder):
    assert load(str(folder), "cpu") is load(str(folder), "cpu")


def test_nothing_is_loaded_to_open_a_judge_or_to_name_it(folder):
    from balcap.judges.local import model

    before = model._loaded.cache_info().misses
    backend = Local(JudgeSettings.of(backend="local", model=str(folder), device="meta"))
    assert backend.identity["model"].startswith(f"{folder.name}@")
    assert model._loaded.cache_info().misses == before


def test_other_weights_in_the_same_folder_are_another_judge(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    settings = JudgeSettings.of(backend="local", model=str(tmp_path))
    before = Local(settings).identity
    (tmp_path / "model.safetensors").write_bytes(b"0")
    assert Local(settings).identity != before


def test_a_question_too_long_for_the_model_leaves_the_others_alone(folder):
    requests = [
        JudgeRequest.of("a", max_tokens=2),
        JudgeRequest.of("x" * 600, max_tokens=2),
        JudgeRequest.of("b", max_tokens=2),
    ]
    short, long, other = request(judge(folder), requests)
    assert isinstance(long, UnusableAnswerError)
    assert "has room for 512" in str(long)
    assert isinstance(short, JudgeResponse)
    assert isinstance(other, JudgeResponse)


def test_where_memory_runs_out_smaller_batches_are_tried(folder, monkeypatch):
    model, sizes = load(str(folder), "cpu"), []
    real = model._together

    def small_memory(requests, max_pixels):
        sizes.append(len(requests))
        if len(requests) > 1 or requests[0].messages[-1].text == "large":
            raise torch.OutOfMemoryError
        return real(requests, max_pixels)

    monkeypatch.setattr(model, "_together", small_memory)
    outcomes = model.answer(
        [JudgeRequest.of(text, max_tokens=2) for text in ("a", "large", "b")], 1
    )
    assert sizes == [3, 1, 2, 1, 1]
    assert [isinstance(outcome, JudgeResponse) for outcome in outcomes] == [True, False, True]
    assert "ran out of memory" in str(outcomes[1])


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        (NO_SYSTEM, "<|im_start|>user\nbe brief\n\nwhat?<|im_end|>\n<|im_start|>assistant\n"),
        (TEMPLATE, "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nwhat?<|im_end|>\n"
                   "<|im_start|>assistant\n"),
        (None, "be brief\n\nQuestion: what?\n\nAnswer:"),
    ],
)  # fmt: skip
def test_a_system_prompt_reaches_the_model_whatever_its_template(tmp_path, template, shown):
    llama(tmp_path, template)
    chat = load(str(tmp_path), "cpu")._chat
    messages = (Message("system", "be brief"), Message("user", "what?"))
    ids = chat.encode([JudgeRequest(messages)], 1)["input_ids"][0]
    assert chat.tokenizer.decode(ids) == shown


def pictures(tmp_path, *colours):
    from PIL import Image

    for colour in colours:
        Image.new("RGB", (90, 60), colour).save(tmp_path / f"{colour}.png")
    return [Picture(Sample(c, "", tmp_path / f"{c}.png")) for c in colours]


@pytest.mark.parametrize("name", ["tiny-qwen2.5-vl", "tiny-llava-1.5"])
def test_an_image_text_model_sees_the_picture_and_answers_without_one(tmp_path, name):
    red, blue = pictures(tmp_path, "red", "blue")
    requests = [
        JudgeRequest.of("Describe the image.", red, max_tokens=8, choices=("A",)),
        JudgeRequest.of("Describe the image.", blue, max_tokens=8, choices=("A",)),
        JudgeRequest.of("Describe the image in many words.", red, max_tokens=8, choices=("A",)),
        JudgeRequest.of("Describe nothing.", max_tokens=8, choices=("A",)),
    ]
    together, alone = (
        request(judge(TINY / name), requests),
        request(judge(TINY / name, batch=1), requests),
    )
    for one, two in zip(together, alone, strict=True):
        assert one.text == two.text
        assert one.logprobs == pytest.approx(two.logprobs, abs=1e-4)
    assert abs(together[0].logprobs[0] - together[1].logprobs[0]) > 1e-3
    assert together[0].prompt_tokens > together[3].prompt_tokens


def mistaken(given, folder, requests=None):
    with pytest.raises(UserError) as caught:
        request(
            judge(**{"folder": folder} | given), requests or [JudgeRequest.of("a", max_tokens=1)]
        )
    return str(caught.value)


def test_what_the_user_must_mend_is_told(folder, tmp_path):
    assert "'cuda:77' (" in mistaken({"device": "cuda:77"}, folder)
    assert "cannot be loaded" in mistaken({}, tmp_path)
    assert "hub id such as" in mistaken({"folder": "nobody/no-such-model"}, folder)
    shown = JudgeRequest.of("what?", *pictures(tmp_path, "red"), max_tokens=1)
    assert "reads text only" in mistaken({}, folder, [shown])
    two = JudgeRequest.of("what?", max_tokens=1, choices=("A", "AB"))
    assert "the choice 'AB' is no single token" in mistaken({}, folder, [two])
