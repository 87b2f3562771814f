"""What a deployment depends on besides its own processes: a server, a disk, processors, the wall clock."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]

# A library that is loaded before all others: the wall clock goes back by an hour when a file appears.
CLOCK_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long shift(void) {
  const char *file = getenv("HLM_TEST_SET_BACK");
  return file && !access(file, F_OK) ? 3600 : 0;
}
int clock_gettime(clockid_t id, struct timespec *now) {
  int failed = syscall(SYS_clock_gettime, id, now);
  if (!failed && id == CLOCK_REALTIME) now->tv_sec -= shift();
  return failed;
}
int gettimeofday(struct timeval *now, void *zone) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec; now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *out) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (out) *out = exact.tv_sec;
  return exact.tv_sec;
}
"""


@contextmanager
def served_policy(folder):
    """The policy behind a server, which is killed."""
    checkpoint = ROOT / "policies" / "shipped" / "shelf_cup_transfer"
    words = [sys.executable, "-m", "hlm.cli.main", "serve", str(checkpoint), "--port", "0"]
    server = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True
    )
    try:
        url = server.stdout.readline().split()[-1]
        yield {"source": ("--server", url), "inject": lambda pids: os.kill(server.pid, signal.SIGKILL)}
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@contextmanager
def full_disk(folder):
    """A file system that is suddenly full; only root may make one."""
    disk = folder / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700m", "tmpfs", str(disk)], check=True)

    def fill(pids):
        with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))

    try:
        yield {"record": disk / "episode.zarr", "inject": fill}
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def busy_cores(pids):
    """Four processes that compute without pause for five seconds, at the usual priority."""
    context = multiprocessing.get_context("spawn")
    burners = [context.Process(target=burn, args=(5.0,), daemon=True) for _ in range(4)]
    for burner in burners:
        burner.start()


def burn(seconds):
    """Compute without pause."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        sum(range(1000))


@contextmanager
def set_back_clock(folder):
    """The wall clock of all processes of the deployment can be set back, without touching this machine's."""
    source, library, mark = folder / "clock.c", folder / "clock.so", folder / "set back"
    source.write_text(CLOCK_SOURCE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    environment = {"LD_PRELOAD": str(library), "HLM_TEST_SET_BACK": str(mark)}
    yield {"environment": environment, "inject": lambda pids: mark.touch()}
