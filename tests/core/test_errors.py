import pickle

import pytest

from hlm.core import errors
from hlm.core.errors import HlmError, InputError, UnknownNameError

SUBCLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HlmError)]


def test_an_unknown_name_lists_what_there_is_and_suggests_the_nearest():
    error = UnknownNameError("camera", "head_cam", ["right_wrist", "head", "left_wrist"])
    assert str(error) == "no camera 'head_cam'. Known: head, left_wrist, right_wrist. Did you mean 'head'?"


def test_nothing_near_is_not_suggested():
    assert str(UnknownNameError("task", "xyzzy", ["shelf"])) == "no task 'xyzzy'. Known: shelf."


def test_without_anything_known():
    assert str(UnknownNameError("label", "goal", [])) == "no label 'goal'. Known: none."


@pytest.mark.parametrize(
    "error",
    [
        UnknownNameError("camera", "haed", (name for name in ("head", "left_wrist"))),
        *(kind("two words") for kind in SUBCLASSES if kind is not UnknownNameError),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_comes_back_whole_from_another_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)


def test_one_base_catches_all():
    assert len(SUBCLASSES) > 5
    with pytest.raises(HlmError, match="x"):
        raise InputError("x")
