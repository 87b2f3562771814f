"""`hlm` as it is, with a log of its processes and of the states of its body: python program.py LOG deploy ..."""

import sys
import threading
import time

LOG = sys.argv[1] if len(sys.argv) > 1 else ""
EVERY_S = 0.005


def tell(*words):
    with open(LOG, "a", encoding="utf-8") as file:  # noqa: PTH123 - one line is one write
        file.write(" ".join(map(str, (time.monotonic_ns(), *words))) + "\n")


def watch_processes():
    from hlm.core.processes import ChildProcess

    start = ChildProcess.start

    def told(self):
        started = start(self)
        tell("process", self.name.replace(" ", "_"), self.pid)
        return started

    ChildProcess.start = told


def watch_bodies():
    from hlm.runtime.bodies.realtime import RealtimeBody

    enter = RealtimeBody.__enter__

    def told(self):
        entered = enter(self)
        threading.Thread(target=follow, args=(self,), daemon=True).start()
        return entered

    def follow(body):
        state = None
        while True:
            report = body.report
            if report is not None and report.status.state is not state:
                state = report.status.state
                tell("body", state.value)
            time.sleep(EVERY_S)  # noqa: TID251 - a look now and then

    RealtimeBody.__enter__ = told


if __name__ == "__main__":
    from hlm.cli.main import main

    watch_processes()
    watch_bodies()
    tell("process", "main", __import__("os").getpid())
    sys.argv = ["hlm", *sys.argv[2:]]
    sys.exit(main())
