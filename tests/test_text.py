"""Words, sentences and clauses: the one definition that every part counts by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balcap.text import clauses, sentences, word_count, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (" \n ", ()),
        ("A dog. A cat!\nA bird", ("A dog.", "A cat!", "A bird")),
        ('It says "Hi." The end.', ('It says "Hi."', "The end.")),
        ("It costs 3.5 euros.", ("It costs 3.5 euros.",)),
        ("1. A dog\n2. A cat", ("A dog", "A cat")),
        ("... !", ()),
        ("一只狗。", ("一只狗。",)),
        ("一只狗。一只猫！鸟？", ("一只狗。", "一只猫！", "鸟？")),
        ("他说「你好。」然后走了。好！！", ("他说「你好。」", "然后走了。", "好！！")),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


def test_a_long_sentence_is_followed_by_its_pieces():
    short = "A red circle and a blue star, both large."
    assert clauses(short) == (short,)
    long = "three shapes on white , large red circle top left , small blue star and a cross"
    assert clauses(long) == (
        long,
        "three shapes on white",
        "large red circle top left",
        "small blue star",
        "a cross",
    )


def test_a_long_sentence_in_one_piece_is_not_doubled():
    one = "word " * 20
    assert clauses(one) == (one.strip(),)


def test_and_inside_a_word_does_not_end_a_clause():
    text = "a man stands in the sand near a candle on an island beside two handsome dogs"
    assert clauses(text) == (text,)


def test_words_are_lower_case_without_punctuation():
    assert words("A well-known dog's T-shirt, 2 euros!") == (
        "a", "well-known", "dog's", "t-shirt", "2", "euros",
    )  # fmt: skip
    assert word_count("a , b") == 3  # pieces between white space, as CapArena counts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一只狗。", 3),  # three characters; the stop counts nothing
        ("犬とネコ", 4),
        ("コーヒー", 4),  # the sign of a long vowel is a letter
        ("用iPhone 15拍的照片", 7),  # 用 iPhone, 15 拍 的 照 片
        ("长3.5米", 3),  # 3.5 is one
        ("ที่นี่", 2),  # two letters; their vowels and tones are signs on them
        ("a dog 和 a cat", 5),
        ("개가 있다", 2),  # Korean has blanks
        ("。", 1),  # a piece between white space, as "," is
        (" ", 0),
    ],
)
def test_scripts_without_blanks_count_by_letters(text, expected):
    assert word_count(text) == expected


@given(st.text(st.characters(max_codepoint=0x0DFF)))
def test_where_there_are_blanks_a_word_is_what_stands_between_them(text):
    assert word_count(text) == len(text.split())


@given(st.lists(st.text(st.sampled_from("ab ,1一只狗。ที่カ\n"))))
def test_the_words_of_texts_add_up(texts):
    assert word_count(" ".join(texts)) == sum(map(word_count, texts))


@given(st.text())
def test_only_a_blank_text_has_no_words(text):
    assert (word_count(text) == 0) == (not text.strip())
