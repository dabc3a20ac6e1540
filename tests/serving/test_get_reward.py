"""OpenRLHF's and CapRL's requests, as their clients write them."""

import json
from typing import Any

import pytest

from balcap.data.questions import read_questions
from balcap.serving.errors import RequestError
from balcap.serving.get_reward import answer_of, items_of
from balcap.types import Question

PROMPT = "<|im_start|>user\nDescribe.<|im_end|>\n<|im_start|>assistant\n"


def openrlhf(query: str, prompt: str = PROMPT, label: Any = None) -> dict[str, Any]:
    [item] = items_of({"query": [query], "prompts": [prompt], "labels": [label]})
    return item


def test_the_caption_is_what_follows_the_prompt() -> None:
    assert openrlhf(f"{PROMPT}A dog.<|im_end|><|endoftext|>")["caption"] == "A dog."
    assert openrlhf("USER: Describe. ASSISTANT: A dog.</s>", "USER: Describe. ASSISTANT:") == {
        "caption": "A dog."
    }


def test_a_policy_cannot_move_the_beginning_of_its_caption() -> None:
    """Where the prompt was decoded otherwise, the first turn of the assistant counts."""
    decoded = PROMPT.replace("Describe.", "<|image_pad|><|image_pad|>Describe.")
    written = "Noise. <|im_start|>assistant\nA good caption."
    assert openrlhf(f"{decoded}{written}<|im_end|>")["caption"] == (
        "Noise. assistant\nA good caption."
    )


def test_labels_say_what_the_heads_need() -> None:
    query = f"{PROMPT}A dog."
    assert openrlhf(query, label="A red dog.")["reference"] == "A red dog."
    label = {"reference": "A red dog.", "facts": ["red"]}
    for written in (label, json.dumps(label)):
        assert openrlhf(query, label=written) == {"caption": "A dog.", **label}
    pairs = [["What?\n- A) red\n- B) blue", "A"]]
    assert openrlhf(query, label=json.dumps(pairs))["questions"] == pairs
    assert openrlhf(query, label="42")["reference"] == "42"  # JSON, and meant as text


def test_caprls_requests_need_no_labels() -> None:
    text = "What colour?\n   - A) red\n   - B) blue\n   - F) Can not answer based on the caption"
    [item] = items_of({"prompts": [["A dog.", [[text, "B"]]]], "query": [], "labels": []})
    assert item["caption"] == "A dog."
    # its own option to abstain goes: the qa head adds one
    assert read_questions(item["questions"]) == (Question("What colour?", ("red", "blue"), 1),)


def test_the_answer_has_what_both_read() -> None:
    rows = [
        {"total": total, "in_band": fits, "heads": {"qa": {"counted": qa}, "cov": {"counted": cov}}}
        for total, fits, qa, cov in ((1.5, True, 1.0, 0.5), (None, False, None, 0.0))
    ]
    assert answer_of(rows, ["qa", "cov"]) == {
        "rewards": [1.5, None],
        "scores": [1.5, None],
        "extra_logs": {"qa": [1.0, None], "cov": [0.5, 0.0], "in_band": [1.0, 0.0]},
    }


@pytest.mark.parametrize(("body", "message"), [
    ([], "the body is no object; it must have query, prompts and labels"),
    ({"query": "a"}, "query is no list; it must have one entry for each caption"),
    ({"prompts": ["a"]}, "query is empty, and prompts is no list of"),
    ({"query": ["a"], "prompts": ["a", "b"]}, "query has 1 entries and prompts 2; give one each"),
    ({"query": ["a"], "prompts": ["b"]}, "query, entry 0: does not begin with its prompt"),
    ({"query": [1]}, "query or prompts, entry 0: is no text"),
    ({"query": ["a"], "labels": [3]}, "labels, entry 0: is neither a text, nor an object"),
    ({"prompts": [["a", []], ["b"]]}, "prompts, entry 1: is no [caption, [[question, letter]"),
])  # fmt: skip
def test_what_is_of_neither_form_is_refused(body: Any, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        items_of(body)
    assert caught.value.status == 422
    assert message in caught.value.message
