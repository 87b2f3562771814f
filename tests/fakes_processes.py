"""Jobs for processes, where a process that is spawned can import them."""

import gc
import os
import signal
import threading

import numpy as np

from hlm.core.errors import InputError
from hlm.core.realtime import be_on_time

NUMBERS = np.dtype([("number", np.int64), ("same", np.int64, 4000)])


def numbered(number):
    records = np.zeros(1, NUMBERS)
    records["number"], records["same"] = number, number
    return records[0]


def write_without_pause(leash, ring):
    number = 0
    leash.ready()
    while not leash.released():
        ring.append(numbered(number))
        number += 1


def die_at_once(leash):
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(leash):
    raise InputError("there is no robot.")


def tell_how_it_runs(leash, config):
    end = threading.Event()
    other = threading.Thread(target=end.wait, daemon=True)
    other.start()
    notes = be_on_time(config)
    leash.ready(
        {
            "notes": notes,
            "policy": os.sched_getscheduler(0),
            "priority": os.sched_getparam(0).sched_priority,
            "cpus": os.sched_getaffinity(0),
            "threads": os.environ["OPENBLAS_NUM_THREADS"],
            "collects": gc.isenabled(),
            "policy_of_a_thread": os.sched_getscheduler(other.native_id),
        }
    )
    end.set()


def live(leash, held):
    held.hold()
    leash.ready()
    threading.Event().wait()


def end_when_released(leash, held):
    held.hold()
    leash.ready()
    leash.wait(60.0)


def tell_what_it_hears(leash):
    leash.ready(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    leash.wait(60.0)
