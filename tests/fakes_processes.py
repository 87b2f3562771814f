"""Jobs for processes, where a process that is spawned can import them."""

import os
import signal

import numpy as np

from hlm.core.errors import InputError

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
