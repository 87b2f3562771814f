"""Batches of rows, read ahead by other processes."""

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

from hlm.core.errors import CorruptError, HlmError, InputError
from hlm.datasets.loader import Samples
from hlm.datasets.sampler import MixtureSampler
from hlm.datasets.store.storage import StorageError
from hlm.policies.training.samples import EncodedSample, RawBatch, collate

# How soon a worker notices that its trainer was killed.
WATCH_S = 2.0


def read_batches(
    samples: Samples[EncodedSample],
    sampler: MixtureSampler,
    batch: int,
    workers: int,
    in_worker: Callable[[], None] = lambda: None,
) -> Generator[RawBatch]:
    """Batches in the sampler's order, without end; the number of workers changes nothing about them.

    The workers end when the iterator is closed, or a few seconds after this process is killed.

    Args:
        samples: rows.
        sampler: which of them.
        batch: rows at once.
        workers: processes that read ahead; 0 for none.
        in_worker: called in each of them first.

    Raises:
        HlmError: a row cannot be read or encoded, and which it is; or a worker was killed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch has its own idea of how many workers there should be
        loader: DataLoader[EncodedSample | HlmError] = DataLoader(
            _Reported(samples),
            batch_size=batch,
            sampler=sampler,
            num_workers=workers,
            collate_fn=_collate,
            worker_init_fn=partial(_begin, in_worker, os.getpid()),
            pin_memory=torch.cuda.is_available(),
        )
        batches = iter(loader)
    try:
        with _deaths_told_by_the_next_batch():
            for found in batches:
                if isinstance(found, HlmError):
                    raise found
                yield found
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise HlmError(
            "a process that reads samples was killed, as happens when memory or /dev/shm is full; "
            "the last checkpoint is kept. Go on with fewer --workers."
        ) from error
    finally:
        del batches  # whatever else an error holds on to, its workers end now


@contextmanager
def _deaths_told_by_the_next_batch() -> Iterator[None]:
    """Inside, a worker's death interrupts nothing: torch would raise at once, in the middle of a save if need be."""
    if threading.current_thread() is not threading.main_thread():
        yield  # torch cannot do so there
        return
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


class _Reported(Dataset["EncodedSample | HlmError"]):
    """Samples, with errors as values: a loader wraps what its workers raise into their tracebacks."""

    def __init__(self, samples: Samples[EncodedSample]) -> None:
        self._samples = samples

    def __getitem__(self, number: int) -> EncodedSample | HlmError:
        try:
            return self._samples[number]
        except (CorruptError, StorageError) as error:  # these name their file
            return error
        except HlmError as error:
            episode, step = self._samples.locate(number)
            text = str(error)
            return InputError(text if str(episode.path) in text else f"{episode.path} step {step}: {text}")


def _collate(found: Sequence[EncodedSample | HlmError]) -> RawBatch | HlmError:
    errors = [item for item in found if isinstance(item, HlmError)]
    return errors[0] if errors else collate([item for item in found if not isinstance(item, HlmError)])


def _begin(prepare: Callable[[], None], trainer: int, worker: int) -> None:
    """Prepare a worker, and have it obey the trainer alone.

    Ctrl+C, and what ends a job, reach all processes of a group; the trainer still wants its next batch then.
    """
    del worker
    prepare()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with, args=(trainer,), daemon=True).start()


def _end_with(trainer: int) -> None:
    """End this worker when its trainer says so, or is no more."""
    told = None
    while os.getppid() == trainer and (told is None or told.si_pid != trainer):
        told = signal.sigtimedwait({signal.SIGTERM}, WATCH_S)
    os._exit(0)
