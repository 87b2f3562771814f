"""The processes of a run: one, or several that `torchrun` or `accelerate launch` started."""

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

from hlm.core.errors import ElsewhereError, HlmError, InputError
from hlm.policies.training.config import TrainConfig

# The others wait while the first one computes statistics or writes a large checkpoint to a slow disk.
_TIMEOUT = timedelta(hours=1)
# How accelerate's own settings may want the weights shared out, instead of this trainer's.
_FOREIGN = (DistributedType.DEEPSPEED, DistributedType.FSDP, DistributedType.MEGATRON_LM)


def join_processes(config: TrainConfig) -> Accelerator:
    """This process' place among the others, and its device.

    Raises:
        InputError: a GPU is asked for that is not there, sharding in one process, or other sharding than ours.
        HlmError: the other processes cannot be reached.
    """
    gpu = config.device != "cpu" and torch.cuda.is_available()
    if config.device == "cuda" and not gpu:
        raise _said_once(InputError("this machine has no GPU that torch can use; train with --device cpu."))
    if gpu and _local_rank() >= torch.cuda.device_count():
        raise InputError(
            f"process {_local_rank()} of this machine is one too many: there are {torch.cuda.device_count()} GPUs. "
            "Start as many as there are, with --nproc-per-node or --num_processes."
        )
    # DDP's static graph finds unused weights once, rather than at every update.
    options = [DistributedDataParallelKwargs(static_graph=True, broadcast_buffers=False, gradient_as_bucket_view=True)]
    group = [InitProcessGroupKwargs(backend="cuda:nccl,cpu:gloo" if gpu else "gloo", timeout=_TIMEOUT)]
    try:
        # Half precision is the trainer's own business, so that one process and several compute alike; compiling is the
        # network's.
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
        # After the last word was said; threads that still wait for the others would abort the process.
        atexit.register(_leave)
    if accelerator.distributed_type in _FOREIGN:
        found = accelerator.distributed_type.value
        raise _said_once(
            InputError(f"accelerate is set up for {found}; set it up for GPUs alone, with --sharding fsdp.")
        )
    if config.sharding == "fsdp" and accelerator.num_processes == 1:
        raise InputError(
            "--sharding fsdp needs several processes; start them with torchrun or accelerate launch, "
            "or add --sharding none."
        )
    return accelerator


def any_of(accelerator: Accelerator, *wishes: bool) -> tuple[bool, ...]:
    """What any of the processes wishes; all of them must ask."""
    if accelerator.num_processes == 1:
        return wishes
    votes = torch.tensor(wishes, dtype=torch.int32)  # On the CPU, so that nobody waits for what a GPU still computes.
    distributed.all_reduce(votes, distributed.ReduceOp.MAX)
    return tuple(bool(vote) for vote in votes.tolist())


@contextmanager
def together(accelerator: Accelerator) -> Iterator[None]:
    """Where the block fails in one process, all fail, so that none waits for it; inside, nobody waits for the others.

    Raises:
        HlmError: in the first process, what went wrong in it or another one.
        ElsewhereError: in the others.
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
        error: what went wrong in this one; None in those that are well.
    """
    if accelerator.num_processes > 1:
        texts: list[str | None] = [None] * accelerator.num_processes
        distributed.all_gather_object(texts, None if error is None else str(error))
        first = next(text for text in texts if text is not None)
        if not accelerator.is_main_process:
            raise ElsewhereError(f"the first process says why: {first}") from error
        error = error or HlmError(first)
    raise error or HlmError("no process says what went wrong.")


@contextmanager
def noticing_losses(accelerator: Accelerator) -> Iterator[None]:
    """Inside, a process that died shows as an error of the person's to mend rather than of the network's.

    Raises:
        HlmError: another process is gone.
    """
    try:
        yield
    except RuntimeError as error:
        lost = isinstance(error, distributed.DistError) or "gloo" in str(error)
        if accelerator.num_processes == 1 or not lost:
            raise
        raise HlmError("another process of the run has died; the last checkpoint is kept.") from error


def outlast_first() -> None:
    """Wait until the first process has ended: launchers end all as soon as one fails, and it may have more to say."""
    if distributed.is_initialized() and distributed.get_rank():
        with suppress(RuntimeError):
            distributed.all_reduce(torch.zeros(1))  # It never takes part.


def local_processes() -> int:
    """Processes of the run on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))


def _said_once(error: HlmError) -> HlmError:
    """An error that all processes run into alike; the first of each machine says it."""
    return ElsewhereError(f"the first process says why: {error}") if _local_rank() else error
