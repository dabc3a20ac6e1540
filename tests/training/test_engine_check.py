"""What vLLM cannot do is said before a model is loaded."""

import pytest

from balcap.config import RolloutSettings, TrainSettings
from balcap.errors import UserError
from balcap.training import engine_check
from balcap.training.engine_check import READ_BY, check_engine, check_length


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_check, "find_spec", lambda name: object())


def test_every_setting_but_the_engine_has_a_reader() -> None:
    assert set(READ_BY) == set(RolloutSettings.__dataclass_fields__) - {"engine", "ahead"}


@pytest.mark.parametrize(
    ("share", "processes", "fits"), [(1, 3, True), (2, 4, True), (2, 3, False)]
)
def test_copies_of_vllm_divide_the_processes(
    share: int, processes: int, fits: bool, installed: None
) -> None:
    rollout = RolloutSettings(engine="vllm-colocate", tensor_parallel=share)
    if fits:
        check_engine(rollout, processes)
    else:
        with pytest.raises(UserError, match="tensor_parallel is 2, and 3 process"):
            check_engine(rollout, processes)


def test_a_server_s_copies_are_its_own(installed: None) -> None:
    check_engine(RolloutSettings(engine="vllm-server", tensor_parallel=2), 3)


@pytest.mark.parametrize(("longest", "fits"), [(None, True), (97, True), (96, False)])
def test_the_longest_caption_leaves_room_for_a_prompt(longest: int | None, fits: bool) -> None:
    rollout = RolloutSettings(engine="vllm-colocate", max_length=longest)
    settings = TrainSettings(rollout=rollout, max_tokens=96).resolved()
    if fits:
        check_length(settings)
    else:
        with pytest.raises(UserError, match="max_length is 96, and captions have up to 96 tokens"):
            check_length(settings)
