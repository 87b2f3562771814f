"""Every policy that is asked without waiting under the suite of its protocol."""

from dataclasses import replace
from functools import partial

import pytest
from conformance.asked_policies import AskedPolicyConformance
from fakes import POLICY_SPEC, FakePolicy, SteppedClock
from fakes_policy_process import open_strange

from hlm.runtime.background_policy import BackgroundPolicy
from hlm.runtime.chunks.delayed_policy import DelayedPolicy
from hlm.runtime.policy_process import PolicyProcess


class TestDelayedPolicy(AskedPolicyConformance):
    def pass_time(self, asked):
        self.clock.wait_until(self.clock.now_ns() + 10_000_000)

    @pytest.fixture
    def asked(self):
        self.clock = SteppedClock()
        return DelayedPolicy(FakePolicy(continues_chunks=True), self.clock, 0.05, 0.02)


class TestBackgroundPolicy(AskedPolicyConformance):
    @pytest.fixture
    def asked(self):
        with BackgroundPolicy(FakePolicy(continues_chunks=True)) as running:
            yield running


@pytest.fixture(scope="module")
def process():
    spec = replace(POLICY_SPEC, continues_chunks=True)
    images = dict.fromkeys(spec.cameras, (8, 12))
    with PolicyProcess(partial(open_strange, continues_chunks=True), spec, images, "lift the cup") as running:
        yield running


class TestPolicyProcess(AskedPolicyConformance):
    @pytest.fixture
    def asked(self, process):
        return process  # the last law closes it
