"""qa: the share of questions answered right from the caption alone."""

import pytest

from balcap.errors import UserError
from balcap.types import Caption, Question, Sample, Unscored
from balcap_rewards.qa import Qa, QaConfig

CIRCLE = Question(
    "What is at the top?",
    ("circle", "square"),
    0,
    ("A circle is at the top.", "A square is at the top."),
)
STAR = Question("Which star is it?", ("new", "old"), 1)
SAMPLE = Sample("a", "Describe.", questions=(CIRCLE, STAR))


def request(text, sample=SAMPLE, **settings):
    return Qa(QaConfig(**settings)).score([Caption(sample, text)])[0]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("A circle is at the top. The old star is it.", 1.0),
        ("A circle is at the top.", 0.5),  # nothing about the star: cannot say
        ("A square is at the top.", 0.0),
        ("A circle is at the top. A square is at the top.", 0.0),  # both options: a tie
        ("Nothing to see.", 0.0),
        ("", 0.0),
    ],
)
def test_share_of_right_answers(word_embedding, text, share):
    assert request(text) == share


def test_options_without_statements_are_read_behind_their_question(word_embedding):
    # The clause has 5 of 5 words in common with "Which star is it? old", 4 of 5 with "... new".
    assert request("Which old star is it?", Sample("b", "", questions=(STAR,))) == 1
    # Split into two sentences the first is as near to both options: a tie, whatever the margin.
    assert (
        request("Which star is it? Old.", Sample("b", "", questions=(STAR,)), min_margin=0.0) == 0
    )


def test_the_reader_cannot_say_when_nothing_is_near_or_two_options_are(word_embedding):
    # cosines of "circle" to the statements of 6 words: 1/sqrt(6) = 0.41 and 0
    only_circle = Sample("c", "", questions=(CIRCLE,))
    assert request("circle", only_circle, min_similarity=0.40) == 1
    assert request("circle", only_circle, min_similarity=0.42) == 0
    assert request("circle", only_circle, min_similarity=0.4, min_margin=0.40) == 1
    assert request("circle", only_circle, min_similarity=0.4, min_margin=0.42) == 0


def test_a_sample_without_questions_is_not_scored(word_embedding):
    assert request("A circle.", Sample("d", "")) == Unscored("no questions")


def test_draws_are_a_mean_of_n_and_hang_on_nothing_but_seed_sample_and_text(word_embedding):
    half = "A circle is at the top."  # answers one question of the two
    shares = [request(half, draws=8, seed=seed) for seed in range(20)]
    assert all(share * 8 == int(share * 8) for share in shares)
    assert len(set(shares)) > 2
    # 160 draws of a fair coin: mean 0.5, standard error 0.04
    assert sum(shares) / 20 == pytest.approx(0.5, abs=0.16)
    batch = [Caption(SAMPLE, text) for text in ("", half, "A star.")]
    drawn = Qa(QaConfig(draws=8, seed=3))
    assert drawn.score(batch)[1] == drawn.score(batch[::-1])[1] == shares[3]


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        # over 150 scenes: .980, .214, .017, 0, .831, .821, .499, .169
        ("reference", 0.95, 1.0),
        ("other image", 0.10, 0.35),
        ("vague", 0.0, 0.06),
        ("empty", 0.0, 0.0),
        ("tele", 0.75, 0.92),
        ("ramble", 0.74, 0.92),
        ("decent", 0.38, 0.62),
        ("short", 0.08, 0.28),
    ],
)
def test_measured_on_the_shapes_world(mean_score, kind, low, high):
    assert low <= mean_score(Qa(), kind) <= high


def test_mistaken_settings_are_refused():
    with pytest.raises(UserError, match="draws is -1"):
        QaConfig(draws=-1)
    with pytest.raises(UserError, match="min_similarity is 2"):
        QaConfig(min_similarity=2.0)
