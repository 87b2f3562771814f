"""What `hlm serve` does before it serves."""

import signal
import subprocess
import sys

import pytest

# A policy that asks for a line of standard input before each chunk, and wants nothing that takes time to import.
PROGRAM = """
import signal, sys
from types import SimpleNamespace
import numpy as np
from hlm.core.policy import PolicySpec
from hlm.core.values import ActionChunk

class Policy:
    spec = PolicySpec(
        policy_type="slow", embodiment="unitree_g1", rate_hz=30.0, cameras=("head",), image_size=(8, 12), horizon=6,
        execution_horizon=3,
    )

    def describe_sampling(self):
        return {"left_out": ("in one CUDA graph: " + 20 * "no room, ",)}

    def reset(self, seed, chunks=0):
        pass

    def chunk(self, observation, prefix=None):
        print("asked", flush=True)
        sys.stdin.readline()
        return ActionChunk(observation.stamp_ns, self.spec.rate_hz, np.tile(observation.state, (self.spec.horizon, 1)))

# A shell that starts the tests in the background makes them ignore Ctrl+C, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
cuda = SimpleNamespace(is_available=lambda: False)
sys.modules["torch"] = SimpleNamespace(set_num_threads=lambda threads: None, cuda=cuda, device=type(None))
sys.modules["hlm.policies.exchange.opening"] = SimpleNamespace(open_policy=lambda *_, **__: (Policy(), ()))
from hlm.cli.main import main
sys.exit(main(["serve", "slow policy", "--port", "0"]))
"""


@pytest.fixture
def warming():
    """A `hlm serve` whose policy makes its first chunk."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", PROGRAM], text=True, **pipes) as process:
        try:
            assert process.stdout.readline() == "asked\n"
            yield process
        finally:
            process.kill()


def test_ctrl_c_while_warming_up_waits_for_one_chunk_only(warming):
    warming.send_signal(signal.SIGINT)
    assert warming.stderr.readline() == "hlm: interrupted\n"
    assert warming.communicate("\n", timeout=30) == ("", "")
    assert warming.returncode == 130


def test_second_ctrl_c_while_warming_up_ends_at_once(warming):
    warming.send_signal(signal.SIGINT)
    assert warming.stderr.readline() == "hlm: interrupted\n"
    warming.send_signal(signal.SIGINT)
    assert warming.wait(timeout=30) == -signal.SIGINT
    assert warming.stderr.read() == ""


def test_what_slows_the_policy_down_is_told_in_a_line(warming):
    warming.stdin.write(3 * "\n")
    warming.stdin.flush()
    assert [warming.stdout.readline() for _ in range(2)] == ["asked\n"] * 2
    assert warming.stdout.readline().startswith("serving slow policy at ws://127.0.0.1:")
    warming.terminate()
    (line,) = warming.communicate(timeout=30)[1].splitlines()
    assert line.startswith("chunks are slower than they could be on this machine: in one CUDA graph: no room, ")


def test_policy_whose_chunks_are_not_finite_is_one_line_and_exit_code_2():
    broken = PROGRAM.replace("np.tile(observation.state,", "np.nan * np.tile(observation.state,")
    assert broken != PROGRAM
    done = subprocess.run([sys.executable, "-c", broken], input="\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == "asked\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith("hlm: the policy 'slow' answers a grey image with actions that are not finite")
