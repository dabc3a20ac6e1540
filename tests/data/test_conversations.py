"""Chats of ShareGPT4V, LLaVA, OpenAI and Qwen."""

import json

import pytest

HUMAN = {"from": "human", "value": "<image>\nWhat is here?"}
GPT = {"from": "gpt", "value": "A cat."}
USER = {"role": "user", "content": "What is here?\n<image>"}
ASSISTANT = {"role": "assistant", "content": "A cat."}
PARTS = [
    {"type": "image", "image": "a.png"},
    {"type": "text", "text": "What is here?"},
]
PARTS_URL = [{"type": "image_url", "image_url": {"url": "a.png"}}, PARTS[1]]

LAYOUTS = {
    "sharegpt4v": {"image": "a.png", "conversations": [HUMAN, GPT]},
    "conversation": {"image": "a.png", "conversation": [HUMAN, GPT]},
    "image in a list": {"image": ["a.png"], "conversations": [HUMAN, GPT]},
    "roles": {"image": "a.png", "conversations": [USER, ASSISTANT]},
    "mixed keys": {"image": "a.png", "messages": [HUMAN, ASSISTANT]},
    "several turns": {
        "image": "a.png",
        "conversations": [
            {"from": "system", "value": "Be kind."},
            *(HUMAN, GPT),
            *({"from": "human", "value": "And?"}, {"from": "gpt", "value": "No."}),
        ],
    },
    "qwen": {"messages": [{"role": "user", "content": PARTS}, ASSISTANT]},
    "empty images": {"images": [], "messages": [{"role": "user", "content": PARTS}, ASSISTANT]},
    "openai": {"messages": [{"role": "user", "content": PARTS_URL}, ASSISTANT]},
    "answer in parts": {
        "image": "a.png",
        "messages": [USER, {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]}],
    },
}


@pytest.mark.parametrize("kind", ["conversations", "records"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_says_the_same(folder, name, kind):
    folder.image("a.png")
    (sample,) = folder.load(kind, folder.json([{"id": 7, **LAYOUTS[name], "source": "s"}])).train
    assert (sample.id, sample.prompt, sample.reference) == ("7", "What is here?", "A cat.")
    assert sample.image == (folder.path / "a.png").resolve()
    assert sample.metadata == {"source": "s"}


def test_json_and_jsonl_say_the_same(folder):
    folder.image("a.png", "b.png")
    rows = [{"image": name, "conversations": [HUMAN, GPT]} for name in ("a.png", "b.png")]
    listed = folder.load("conversations", folder.json(rows)).train
    assert folder.load("conversations", folder.lines(rows)).train == listed
    assert folder.load("conversations", folder.lines(rows, "lines.json")).train == listed
    indented = folder.text(json.dumps(rows, indent=2), "indented.json")
    assert folder.load("conversations", indented).train == listed


def test_a_prompt_that_is_only_an_image_falls_back_to_the_setting(folder):
    folder.image("a.png", "b.png")
    rows = [
        {"image": "a.png", "conversations": [{"from": "human", "value": "<image>"}, GPT]},
        {"image": "b.png", "conversations": [GPT]},
    ]
    loaded = folder.load("conversations", folder.json(rows), prompt="Tell.")
    assert [sample.prompt for sample in loaded.train] == ["Tell.", "Tell."]


def test_questions_may_stand_beside_the_turns(folder):
    folder.image("a.png")
    asked = [{"question": "Cat?", "choices": ["yes", "no"], "answer": "yes"}]
    row = {**LAYOUTS["sharegpt4v"], "questions": asked, "facts": ["a cat is here"]}
    (sample,) = folder.load("conversations", folder.json([row])).train
    assert sample.questions[0].answer == 0
    assert sample.facts == ("a cat is here",)
