"""A robot in a process of its own: a link to a robot belongs to a process, and each test is to have a new one."""

from multiprocessing import Pipe

from hlm.core.processes import ChildProcess


def serve(leash, make_robot, line):
    """Do what comes in on the line with a robot: `enter`, `leave`, or a method with its arguments."""
    robot = make_robot()
    leash.ready()
    while not leash.released():
        if not line.poll(0.05):
            continue
        name, arguments = line.recv()
        method = {"enter": robot.__enter__, "leave": lambda: robot.__exit__(None, None, None)}.get(name)
        answer = (method or getattr(robot, name))(*arguments)
        line.send(None if name == "enter" else answer)


class RemoteRobot:
    """Implements `hlm.core.protocols.Robot` by one in another process; `make_robot` is picklable."""

    def __init__(self, make_robot):
        self._line, far_end = Pipe()
        self._child = ChildProcess("robot", serve, make_robot, far_end).start()
        self._child.wait_ready(60.0)

    def __enter__(self):
        self._ask("enter")
        return self

    def __exit__(self, *exception):
        self._ask("leave")

    def read(self):
        return self._ask("read")

    def command(self, command):
        self._ask("command", command)

    def close(self):
        self._child.stop()

    def _ask(self, name, *arguments):
        self._line.send((name, arguments))
        return self._line.recv()
