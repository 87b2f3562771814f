"""The real policy, where its package is installed."""

import pytest

from hlm.control.learned_legs.policy_file import find_policy_file, open_network
from hlm.control.onnx_network import OnnxNetwork
from hlm.core.errors import MissingDependencyError


@pytest.fixture(scope="session")
def known_policy() -> OnnxNetwork:
    try:
        return open_network(find_policy_file())
    except MissingDependencyError as error:
        pytest.skip(str(error))
