"""The processes of a run: one, or several started by `torchrun` or `accelerate launch`."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import NoReturn

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
from accelerate.utils import DistributedType
from torch import distributed

from hlm.core.errors import HlmError, InputError, PeerFailedError
from hlm.policies.training.config import TrainConfig

# The others wait while the first one computes statistics or writes a large checkpoint.
_TIMEOUT = timedelta(hours=1)
# Ways of sharding that accelerate can be configured for, which would conflict with this trainer's.
_FOREIGN = (DistributedType.DEEPSPEED, DistributedType.FSDP, DistributedType.MEGATRON_LM)


def join_processes(config: TrainConfig) -> Accelerator:
    """This process' rank and device.

    Raises:
        InputError: a GPU is requested and missing, sharding in a single process, or accelerate's own sharding.
        HlmError: the other processes cannot be reached.
    """
    gpu = config.device != "cpu" and torch.cuda.is_available()
    if config.device == "cuda" and not gpu:
        raise _said_once(InputError("torch finds no GPU on this machine; train with --device cpu."))
    if gpu and _local_rank() >= torch.cuda.device_count():
        raise InputError(
            f"process {_local_rank()} of this machine has no GPU: there are {torch.cuda.device_count()}. "
            "Start one process per GPU, with --nproc-per-node or --num_processes."
        )
    # DDP's static graph finds unused weights once, rather than at every update.
    options = [DistributedDataParallelKwargs(static_graph=True, broadcast_buffers=False, gradient_as_bucket_view=True)]
    group = [InitProcessGroupKwargs(backend="cuda:nccl,cpu:gloo" if gpu else "gloo", timeout=_TIMEOUT)]
    try:
        # The trainer handles bfloat16 itself, so that one process and several compute alike; the network compiles
        # itself.
        accelerator = Accelerator(
            cpu=not gpu,
            mixed_precision="no",
            dynamo_backend="no",
            kwargs_handlers=options + (group if "LOCAL_RANK" in os.environ else []),
        )
    except distributed.DistError as error:
        reason = " ".join(str(error).split())[:200]
        raise HlmError(f"process {os.environ.get('RANK')} cannot reach the others: {reason}") from error
    if accelerator.num_processes > 1:
        # At exit, so that errors can still be shared; threads left waiting for the others would abort the process.
        atexit.register(_leave)
    if accelerator.distributed_type in _FOREIGN:
        found = accelerator.distributed_type.value
        raise _said_once(
            InputError(f"accelerate is configured for {found}; configure it for plain multi-GPU with --sharding fsdp.")
        )
    if config.sharding == "fsdp" and accelerator.num_processes == 1:
        raise InputError(
            "--sharding fsdp needs several processes; start them with torchrun or accelerate launch, "
            "or use --sharding none."
        )
    return accelerator


def any_of(accelerator: Accelerator, *flags: bool) -> tuple[bool, ...]:
    """For each flag, whether it is set in any process; every process must call this."""
    if accelerator.num_processes == 1:
        return flags
    votes = torch.tensor(flags, dtype=torch.int32)  # On the CPU, so as not to wait for the GPU.
    distributed.all_reduce(votes, distributed.ReduceOp.MAX)
    return tuple(bool(vote) for vote in votes.tolist())


@contextmanager
def together(accelerator: Accelerator) -> Iterator[None]:
    """Fail in all processes if the block fails in one, so that none waits for it; the block itself must not wait.

    Raises:
        HlmError: in the first process, its own error or another process'.
        PeerFailedError: in the other processes.
    """
    error: HlmError | OSError | None = None
    try:
        yield
    except (HlmError, OSError) as found:
        error = found
    (failed,) = any_of(accelerator, error is not None)
    if failed:
        fail_together(accelerator, error)


def fail_together(accelerator: Accelerator, error: HlmError | OSError | None) -> NoReturn:
    """Raise in all processes; see `together`.

    Args:
        accelerator: the processes; all of them must call this.
        error: error of this process, if any.
    """
    if accelerator.num_processes > 1:
        texts: list[str | None] = [None] * accelerator.num_processes
        distributed.all_gather_object(texts, None if error is None else str(error))
        first = next(text for text in texts if text is not None)
        if not accelerator.is_main_process:
            raise PeerFailedError(f"see the first process' error: {first}") from error
        error = error or HlmError(first)
    raise error or HlmError("a process failed without saying why.")


@contextmanager
def noticing_losses(accelerator: Accelerator) -> Iterator[None]:
    """Within the context, a lost process raises an error that says so, rather than one of the network layer.

    Raises:
        HlmError: another process has died.
    """
    try:
        yield
    except RuntimeError as error:
        lost = isinstance(error, distributed.DistError) or "gloo" in str(error)
        if accelerator.num_processes == 1 or not lost:
            raise
        raise HlmError("another process of the run has died; what was saved until then is kept.") from error


def outlast_first() -> None:
    """Wait until the first process has ended: launchers end all when one fails, and it may still print or save."""
    if distributed.is_initialized() and distributed.get_rank():
        with suppress(RuntimeError):
            distributed.all_reduce(torch.zeros(1))  # The first process never takes part.


def local_processes() -> int:
    """Number of the run's processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))


def _said_once(error: HlmError) -> HlmError:
    """An error that all processes meet alike; only the first of each machine reports it."""
    return PeerFailedError(f"see the first process' error: {error}") if _local_rank() else error
