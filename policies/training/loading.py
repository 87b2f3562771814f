"""Batches of samples, read ahead by worker processes."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch.utils.data import DataLoader, Dataset

from hlm.core.errors import CorruptError, HlmError, InputError, StorageError
from hlm.datasets.loader import Samples
from hlm.datasets.sampler import MixtureSampler
from hlm.policies.training.samples import EncodedSample, RawBatch, collate

# How soon a worker notices that the trainer was killed.
WATCH_S = 2.0
# In all of torch's messages about a worker that died.
_DEATH = "DataLoader worker"


def read_batches(
    samples: Samples[EncodedSample],
    sampler: MixtureSampler,
    batch_size: int,
    workers: int,
    in_worker: Callable[[], None] = lambda: None,
) -> Generator[RawBatch]:
    """Endless batches in the sampler's order, whatever the number of workers.

    The workers end when the iterator is closed, or a few seconds after this process is killed.

    Args:
        samples: samples to read.
        sampler: which of them, in which order.
        batch_size: samples per batch.
        workers: processes that read ahead; 0 for none.
        in_worker: called first in each worker.

    Raises:
        HlmError: a sample cannot be read or encoded; the text names its episode and step. Or a worker was killed.
    """
    start = partial(_started, samples, sampler, batch_size, workers, in_worker)
    try:
        with _deaths_told_by_the_next_batch(start) as batches:
            for found in batches:
                if isinstance(found, HlmError):
                    raise found
                yield found
    except RuntimeError as error:
        if _DEATH not in str(error):
            raise
        raise HlmError(
            "a process that reads samples was killed, as happens when memory or /dev/shm is full. Use fewer --workers."
        ) from error
    finally:
        batches = iter(())  # Ends the workers now, even while a traceback still refers to this frame.


def _started(
    samples: Samples[EncodedSample],
    sampler: MixtureSampler,
    batch_size: int,
    workers: int,
    in_worker: Callable[[], None],
) -> Iterator[RawBatch | HlmError]:
    """The batches, with the workers running.

    Raises:
        HlmError: the system would not start them.
        RuntimeError: torch's, if one died meanwhile.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Torch warns when there are more workers than cores.
        loader: DataLoader[EncodedSample | HlmError] = DataLoader(
            _Reported(samples),
            batch_size=batch_size,
            sampler=sampler,
            num_workers=workers,
            collate_fn=_collate,
            worker_init_fn=partial(_begin, in_worker, os.getpid()),
            pin_memory=torch.cuda.is_available(),
        )
        try:
            return iter(loader)
        except (OSError, RuntimeError) as error:
            if _DEATH in str(error):
                raise
            reason = " ".join((getattr(error, "strerror", None) or str(error)).split()).lower()
            raise HlmError(
                f"could not start {workers} processes that read samples: {reason}. Use fewer --workers."
            ) from error


@contextmanager
def _deaths_told_by_the_next_batch[Batches](start: Callable[[], Batches]) -> Iterator[Batches]:
    """Within the context, a worker's death raises at the next batch.

    Torch would raise at once, even during a save, and even while it starts other workers, which it would then leave
    behind. It listens for deaths only where it is called from the main thread, so workers are started from another one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield start()
        return
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    started: list[Batches] = []
    try:
        _in_another_thread(lambda: started.append(start()))
        yield started.pop()
    finally:
        started.clear()
        signal.signal(signal.SIGCHLD, before)


def _in_another_thread(call: Callable[[], None]) -> None:
    """Wait for a call, and raise what it raised.

    No executor: workers forked from one of its threads would fail as they end, because it joins its threads then.
    """
    raised: list[BaseException] = []

    def attempt() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    if raised:
        raise raised.pop()


class _Reported(Dataset["EncodedSample | HlmError"]):
    """Samples, with errors as values: torch would wrap a worker's exception in its traceback."""

    def __init__(self, samples: Samples[EncodedSample]) -> None:
        self._samples = samples

    def __getitem__(self, number: int) -> EncodedSample | HlmError:
        try:
            return self._samples[number]
        except (CorruptError, StorageError) as error:  # These name their file.
            return error
        except HlmError as error:
            episode, step = self._samples.locate(number)
            text = str(error)
            return InputError(text if str(episode.path) in text else f"{episode.path} step {step}: {text}")


def _collate(found: Sequence[EncodedSample | HlmError]) -> RawBatch | HlmError:
    errors = [item for item in found if isinstance(item, HlmError)]
    return errors[0] if errors else collate([item for item in found if not isinstance(item, HlmError)])


def _begin(prepare: Callable[[], None], trainer: int, worker: int) -> None:
    """Prepare a worker, and let only the trainer end it.

    Ctrl+C and the signals that end a job reach the whole process group; the trainer still needs its next batch then.
    """
    del worker
    prepare()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with, args=(trainer,), daemon=True).start()


def _end_with(trainer: int) -> None:
    """End this worker when the trainer says so, or is gone."""
    received = None
    while os.getppid() == trainer and (received is None or received.si_pid != trainer):
        received = signal.sigtimedwait({signal.SIGTERM}, WATCH_S)
    os._exit(0)
