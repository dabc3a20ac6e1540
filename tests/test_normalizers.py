"""A number worked out by hand for each normaliser, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from balcap.advantage.normalizers import advantages, find_normalizer, normalized
from balcap.config.methods import NORMALIZERS
from helpers.matrices import make

near = partial(np.testing.assert_allclose, atol=1e-8)
same = np.testing.assert_array_equal

A, B = [0.0, 1.0, 2.0], [0.0, 0.0, 3.0]
WEIGHTS = {"a": 1.0, "b": 2.0}
# z of A: mean 1, std 1. z of B: mean 1, std sqrt(6/2) = 1.7320508.
Z_A, Z_B = np.array([-1, 0, 1]), np.array([-1, -1, 2]) / np.sqrt(3)


def test_grpo_in_numbers():
    # R = 0, 1, 8; mean 3; std sqrt((9 + 4 + 25) / 2) = 4.3588989.
    expected = np.array([-3, -2, 5]) / (4.3588989 + 1e-4)
    parts = normalized(make([A, B]), "grpo", WEIGHTS)
    near(parts.advantage, expected, atol=1e-7)
    # The share of a: 0, 1, 2 less its mean of 1, over the same std.
    near(parts.per_head[:, 0], np.array([-1, 0, 1]) / (4.3588989 + 1e-4), atol=1e-7)
    assert parts.gain == 1.0


def test_grpo_takes_a_missing_score_for_0():
    # R = 1, 2, 2 though the second caption has the best known score: the bias of nansum.
    near(advantages(make([[1, 2, 1], [0, None, 1]]), "dr_grpo"), [-2 / 3, 1 / 3, 1 / 3])


def test_dr_grpo_in_numbers():
    near(advantages(make([A, B]), "dr_grpo", WEIGHTS), [-3, -2, 5])


def test_mo_grpo_in_numbers():
    # eps makes each z smaller by std / (std + eps).
    expected = Z_A / (1 + 1e-4) + 2 * Z_B * (3**0.5 / (3**0.5 + 1e-4))
    near(advantages(make([A, B]), "mo_grpo", WEIGHTS), expected)
    near(advantages(make([A, B]), "mo_grpo", WEIGHTS, eps=0.0), [-2.1547005, -1.1547005, 3.309401])


def test_an_unscored_cell_is_in_no_mean():
    # b: mean 2 and std 1.4142136 of 1 and 3, so -0.7071068 and 0.7071068; a: -1, 0, 1.
    answer = advantages(make([A, [1, None, 3]]), "mo_grpo", eps=0.0)
    near(answer, [-1.7071068, 0, 1.7071068])


def test_gdpo_in_numbers():
    # S = -2.1547005, -1.1547005, 3.3094011 (mo_grpo): mean 0,
    # std sqrt((4.6427343 + 1.3333333 + 10.9521354) / 2) = 2.9093131.
    parts = normalized(make([A, B]), "gdpo", WEIGHTS, eps=0.0)
    near(parts.advantage, [-0.7406217, -0.3968980, 1.1375197], atol=1e-7)
    assert parts.gain == pytest.approx(1 / 2.9093131)


def test_gdpo_counts_dead_groups_in_its_std_and_gdpo_live_does_not():
    # Three more captions with S = 0: std sqrt(16.9282032 / 5) = 1.8400110.
    matrix = make([[*A, 7, 7, 7], [*B, 7, 7, 7]], group=[0, 0, 0, 1, 1, 1])
    gdpo = advantages(matrix, "gdpo", WEIGHTS, eps=0.0)
    near(gdpo, [-1.1710259, -0.6275509, 1.7985768, 0, 0, 0], atol=1e-6)
    live = advantages(matrix, "gdpo_live", WEIGHTS, eps=0.0)
    near(live, [-0.7406217, -0.3968980, 1.1375197, 0, 0, 0], atol=1e-7)


def test_gdpo_takes_off_the_mean_that_a_gate_of_mode_post_leaves():
    # z = -1, 0, 1 of which the last is taken out: S = -1, 0, 0; mean -1/3; std
    # sqrt((4/9 + 1/9 + 1/9) / 2) = 0.5773503. The caption taken out does not move.
    matrix = make([A]).with_columns(kept=np.array([[True], [True], [False]]))
    near(advantages(matrix, "gdpo", eps=0.0), [-1.1547005, 0.5773503, 0.0])


def test_gain_of_one_live_group_among_64():
    # Of 512 captions 8 are live, with sum of z² = 7: std sqrt(7 / 511), gain 8.544. gdpo_live: 1
    # group alone, std sqrt(7 / 7) = 1.
    scores = np.full(512, 0.5)
    scores[:8] = np.arange(8)
    matrix = make([scores], np.repeat(np.arange(64), 8))
    assert normalized(matrix, "gdpo", eps=0.0).gain == pytest.approx(8.544004)
    assert normalized(matrix, "gdpo_live", eps=0.0).gain == pytest.approx(1.0)


def test_gdpo_live_caps_the_gain_when_heads_cancel():
    # z of 2, 1.1, 0: mean 1.0333333, std 1.0016653: 0.9650596, 0.0665558, -1.0316154.
    # S = -0.0349404, 0.0665558, -0.0316154: std 0.0576630, gain 17.34 without the cap.
    # With it: 2 / u, u = sqrt(1 + 1).
    matrix = make([A, [2, 1.1, 0]])
    assert normalized(matrix, "gdpo", eps=0.0).gain == pytest.approx(17.3421, abs=1e-2)
    parts = normalized(matrix, "gdpo_live", eps=0.0)
    assert parts.gain == pytest.approx(2**0.5)
    near(parts.advantage, [-0.0494132, 0.0941241, -0.0447110], atol=1e-6)
    # A third head that is dead does not count in u.
    same(advantages(make([A, [2, 1.1, 0], [5, 5, 5]]), "gdpo_live", eps=0.0), parts.advantage)


def test_gd2po_in_numbers():
    # First group: z = ∓0.8660254 (std 1.1547005). The heads agree on captions 0 and 2 and cancel
    # on 1 and 3: half is left, c S = -0.8660254, 0.8660254. Second group: they agree on all,
    # S = ∓1.7320508. Over the 6 captions left: std sqrt((2 * 0.75 + 4 * 3) / 5) = 1.6431677.
    first, second, both = [0, 0, 2, 2], [0, 2, 2, 0], [0, 0, 2, 2]
    matrix = make([first + both, second + both], np.repeat([0, 1], 4))
    expected = [-0.5270463, 0, 0.5270463, 0, -1.0540926, -1.0540926, 1.0540926, 1.0540926]
    near(advantages(matrix, "gd2po", eps=0.0), expected, atol=1e-7)


def test_gd2po_with_tau_1_drops_every_disagreement_and_nothing_else():
    # Signs of z by head: - - +, - + +, - + +. The heads agree on all captions but the second.
    answer = advantages(make([[0, 0, 3], [0, 3, 3], [0, 2, 3]]), "gd2po", tau=1.0)
    same(answer != 0, [True, False, True])


def test_rvpo_leaves_an_absent_head_out_of_the_mean():
    # z of a: -1, 0, 1; of b: absent, -0.7071068, 0.7071068. M = -1 (a alone),
    # -log((1 + e^0.7071068) / 2) = -0.4147927, -log((e^-1 + e^-0.7071068) / 2) = 0.8428684;
    # less their mean of -0.1906414.
    parts = normalized(make([A, [None, 0, 1]]), "rvpo", eps=0.0, beta=1.0)
    near(parts.per_head.sum(axis=1), [-0.8093586, -0.2241513, 1.0335098], atol=1e-5)
    assert parts.per_head[0, 1] == 0.0


def test_rvpo_in_numbers():
    # M = -log of the mean of exp(-z) over the two heads, equal weights: -log((e^1 + e^0.5773503)/2)
    # = -0.8108396, -log((1 + e^0.5773503)/2) = -0.3297757, -log((e^-1 + e^-1.1547005)/2)
    # = 1.0743614. Less their mean of -0.0220846; std 0.9795417.
    parts = normalized(make([A, B]), "rvpo", eps=0.0, beta=1.0)
    near(parts.advantage, [-0.8052286, -0.3141174, 1.1193460], atol=1e-5)
    # Pull of a on caption 1: 1 / (1 + e^0.5773503) = 0.3595; b, the worse head, has the rest.
    assert parts.per_head[1, 0] / parts.per_head[1].sum() == pytest.approx(0.3595, abs=1e-4)


def test_rvpo_sharpens_over_the_training():
    # 0.5 at the first step, 2 at the last, 1.25 half-way; constant where there is no end.
    answer = partial(advantages, make([A, B]), "rvpo")
    same(answer(progress=0.5), answer(beta=1.25, beta_end=None))
    same(answer(progress=1.0), answer(beta=2.0, beta_end=None, progress=0.3))
    assert (answer(progress=0.0) != answer(progress=1.0)).all()


def test_dvao_in_numbers():
    # std of a 1 and of b 1.7320508: sum w std = 4.4641016, R - mean R = -3, -2, 5.
    answer = advantages(make([A, B]), "dvao", WEIGHTS, eps=0.0)
    near(answer, [-0.6720278, -0.4480185, 1.1200462], atol=1e-6)


def test_sa_mrpo_in_numbers():
    # Saturation of a (1 - 0) / 2, of b (1 - 0) / 3: factors sqrt(1/2) and 2 sqrt(2/3) on z.
    # S = -1.6499158, -0.9428090, 2.5927249; std sqrt(10.3333333 / 2) = 2.2730303.
    answer = advantages(make([A, B]), "sa_mrpo", WEIGHTS, eps=0.0)
    near(answer, [-0.7258661, -0.4147806, 1.1406468], atol=1e-6)
    same(
        advantages(make([A, B]), "sa_mrpo", WEIGHTS, gamma=0.0),
        advantages(make([A, B]), "gdpo", WEIGHTS),
    )


def test_corr_grpo_in_numbers():
    # rho = 1.5 / (1 * 1.7320508) = 0.8660254; C = 2 + 2 rho = 3.7320508, root 1.9318517.
    answer = advantages(make([A, B]), "corr_grpo", WEIGHTS, eps=0.0)
    near(answer, np.array([-3, -2, 5]) / 1.9318517, atol=1e-6)


def test_corr_grpo_does_not_blow_up_heads_that_oppose_each_other():
    # rho = -1, so C = 0, and the sum is -1, 0, 1: by 1 / eps it would be 1e4. Floor 0.1.
    answer = advantages(make([[0, 2, 4], [2, 1, 0]]), "corr_grpo", eps=0.0)
    near(answer, np.array([-1, 0, 1]) / np.sqrt(0.1), atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"a": 1, "c": 1}, r"weight is given for 'c', which is not among the heads a, b"),
        ({"a": 1}, r"no weight for head 'b'"),
        ({"a": 1, "b": -0.5}, r"the weight of 'b' is -0.5"),
        ({"a": float("nan"), "b": 1}, r"the weight of 'a' is nan"),
        ({"a": float("inf"), "b": 1}, r"the weight of 'a' is inf"),
    ],
)
def test_refuses_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        advantages(make([A, B]), weights=weights)


@pytest.mark.parametrize(
    ("normalizer", "options", "message"),
    [
        ("gdpo_life", {}, r"no normalizer 'gdpo_life'.*did you mean 'gdpo_live'"),
        ("gdpo", {"beta": 1.0}, r"'gdpo' has no setting 'beta'; it has eps"),
        ("dr_grpo", {"eps": 1.0}, r"'dr_grpo' has no setting 'eps'; it has none"),
        ("gdpo", {"eps": -1.0}, r"eps is -1.0; it must be at least 0"),
        ("gdpo", {"eps": float("nan")}, r"eps is nan"),
        ("rvpo", {"beta": 0.0}, r"beta is 0.0; it must be a number above 0"),
        ("gd2po", {"tau": 1.5}, r"tau is 1.5; it must be between 0 and 1"),
        ("gdpo_live", {"max_gain": 0.0}, r"max_gain is 0.0"),
    ],
)
def test_refuses_options(normalizer, options, message):
    with pytest.raises(ValueError, match=message):
        advantages(make([A]), normalizer, **options)


def test_every_normalizer_is_registered_under_its_own_name():
    assert [find_normalizer(name).name for name in NORMALIZERS] == list(NORMALIZERS)


def test_the_papers_name_for_gdpo_works():
    same(advantages(make([A, B]), "c-gdpo"), advantages(make([A, B]), "gdpo"))


def test_no_torch_is_needed():
    code = "import sys, balcap.advantage.normalizers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
