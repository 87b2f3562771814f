import pytest

from hlm.core.wording import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 episodes"), (1, "1 episode"), (2, "2 episodes")])
def test_counted(number, text):
    assert counted(number, "episode") == text
