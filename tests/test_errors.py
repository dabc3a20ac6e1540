"""What goes wrong in one process is told whole in all of them."""

import pickle

import pytest

from balcap.errors import HeadError, JudgeGoneError, RunError, UserError, portable


class OfAHeadError(UserError):
    """Cannot be unpickled: pickle calls the class with the one argument that Exception keeps."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OfAHeadError("no key", "it is not set"), UserError),
        (HeadError("colours raised"), HeadError),
        (JudgeGoneError("gone"), JudgeGoneError),
        (RunError("the disk is full"), RunError),
    ],
)
def test_an_error_arrives_with_its_message_and_its_exit_code(
    error: UserError | RunError, kind: type[Exception]
) -> None:
    arrived = pickle.loads(pickle.dumps(portable(error)))
    assert type(arrived) is kind
    assert str(arrived) == str(error)


def test_such_a_class_does_not_travel_by_itself() -> None:
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(OfAHeadError("no key", "it is not set")))
