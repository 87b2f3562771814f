import pickle

import pytest

from hlm.core.errors import HlmError, LostError
from hlm.policies.serving.errors import (
    AnswerError,
    AnswerTimeoutError,
    RefusedError,
    ReplacedError,
    UnauthorizedError,
    UnreachableError,
    refusal,
)

LOST = [
    UnreachableError("gone"),
    AnswerTimeoutError("late"),
    ReplacedError("another one"),
    UnauthorizedError("Unauthorized", "the API key is missing or wrong"),
]
OF_ONE_REQUEST = [AnswerError("no chunk"), RefusedError("InputError", "no words"), refusal("InternalError", "a bug")]


@pytest.mark.parametrize("error", [*LOST, *OF_ONE_REQUEST])
def test_errors_travel_between_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert isinstance(error, HlmError)


def test_a_server_that_is_gone_is_not_an_answer_that_cannot_be_used():
    assert all(isinstance(error, LostError) for error in LOST)
    assert not any(isinstance(error, LostError) for error in OF_ONE_REQUEST)
