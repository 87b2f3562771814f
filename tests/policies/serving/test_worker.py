import weakref

import pytest

from hlm.policies.serving.worker import Worker

PATIENCE_S = 10.0


class Message:
    """Stands for one: bytes cannot be watched."""


@pytest.fixture
def start():
    """Makes workers, and stops them in the end."""
    workers = []

    def make(policy):
        workers.append(Worker(policy))
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()


def test_message_that_nobody_waits_for_any_more_is_let_go(start, policy, held):
    worker = start(policy)
    with held(policy):
        worker.warm_up()
        assert policy.entered.wait(PATIENCE_S)
        message = Message()
        there = weakref.ref(message)
        job = worker.submit(message, None)
        del message
        assert there() is not None
        assert job.cancel()
        assert there() is None


@pytest.mark.parametrize("continues", [False, True])
def test_stopping_ends_the_warm_up_with_the_chunk_that_is_being_made(start, make_policy, held, continues):
    policy = make_policy(continues_chunks=continues)
    worker = start(policy)
    with held(policy):
        warm = worker.warm_up()
        assert policy.entered.wait(PATIENCE_S)
        worker.stop()
    warm.result(PATIENCE_S)
    assert len(policy.calls) == 1
