"""What surrounds a verb, in processes of their own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "hlm.cli.main")


def hear_ctrl_c():
    """A shell that starts the tests in the background makes them ignore Ctrl+C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(words, *, code="", **options):
    """Run `hlm`, or code that ends with it."""
    if code:
        start = [sys.executable, "-c", f"{code}\nimport sys\nfrom hlm.cli.main import main\nsys.exit(main())"]
    else:
        start = list(PROGRAM)
    environment = os.environ | options.pop("environment", {})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([*start, *words], env=environment, check=False, **pipes)


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1), (0, 1, 2)])
def test_closed_streams_change_nothing(closed, tmp_path):
    def close():
        for number in closed:
            os.close(number)

    ran = run(["--version"], preexec_fn=close, stdin=subprocess.DEVNULL)
    assert ran.returncode == 0
    assert ran.stderr == b""
    assert ran.stdout.startswith(b"hlm ") == (1 not in closed)


def test_files_do_not_get_the_numbers_of_closed_streams():
    code = "from hlm.cli.process import prepare; prepare(); import os; os._exit(os.open('/dev/null', os.O_RDONLY))"
    ran = subprocess.run(
        [sys.executable, "-c", code], preexec_fn=lambda: os.closerange(0, 3), check=False, close_fds=True
    )
    assert ran.returncode >= 3


def test_a_full_disk_behind_a_stream_is_one_line():
    with Path("/dev/full").open("wb") as full:
        ran = run(["--help"], stdout=full)
        assert (ran.returncode, ran.stderr) == (2, b"hlm: No space left on device\n")
        assert run(["no such verb"], stderr=full).returncode == 2


def test_a_stream_of_errors_that_nobody_reads_keeps_the_exit_code():
    read_end, write_end = os.pipe()
    os.close(read_end)
    assert run(["no such verb"], stderr=write_end).returncode == 2
    os.close(write_end)


C_LOCALE = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_paths_beyond_ascii_work_where_the_locale_knows_ascii_alone(tmp_path):
    ran = run(["data", "info", "l\u00e4ufe"], environment=C_LOCALE, cwd=tmp_path)
    assert ran.returncode == 2
    assert "l\u00e4ufe".encode() in ran.stderr
    assert ran.stderr.count(b"\n") == 1


def test_python_starts_over_once_at_most(tmp_path):
    code = "import sys; sys.getfilesystemencoding = lambda: 'ascii'"
    assert run(["--version"], code=code, environment={"PYTHONUTF8": "0"}).returncode == 0


def test_a_word_that_is_not_utf_8_is_refused(tmp_path):
    ran = run(["data", "info", b"l\xe4ufe"], environment={"LC_ALL": "C.UTF-8"}, cwd=tmp_path)
    assert ran.returncode == 2
    assert ran.stderr == b"hlm: 'l\\udce4ufe' is not UTF-8: rename it, because files and pages could not name it.\n"


INTERRUPTED_IMPORT = """
import os, signal, sys
from importlib.abc import Loader, MetaPathFinder
from importlib.util import spec_from_loader

class Interrupted(MetaPathFinder, Loader):
    def find_spec(self, name, path=None, target=None):
        return spec_from_loader(name, self) if name == "{module}" else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        {body}

sys.meta_path.insert(0, Interrupted())
"""
PRESS = "os.kill(os.getpid(), signal.SIGINT); [None for _ in range(1000)]"


def test_an_interrupt_before_there_is_a_program_is_one_line():
    code = INTERRUPTED_IMPORT.format(module="hlm.cli.verbs", body=PRESS)
    ran = run(["--version"], code=code, preexec_fn=hear_ctrl_c)
    assert (ran.returncode, ran.stderr) == (130, b"hlm: interrupted\n")


@pytest.mark.parametrize(
    "body",
    [
        f"{PRESS}",
        # As libraries do: what is raised while they are imported is turned into something else, or swallowed.
        f"exec('try:\\n    {PRESS}\\nexcept BaseException as error:\\n    raise ImportError() from error')",
        f"exec('try:\\n    {PRESS}\\nexcept BaseException:\\n    pass')",
    ],
)
def test_an_interrupt_while_a_verb_is_imported_is_one_line_whatever_the_import_makes_of_it(body):
    code = INTERRUPTED_IMPORT.format(module="hlm.cli.policy", body=body)
    code += "\nfrom hlm.cli import verbs\nimport time\n"
    code += "verbs.Verb.load = lambda verb, load=verbs.import_module: (load('hlm.cli.policy'), time.sleep(9))\n"
    ran = run(["policy", "info", "x"], code=code, preexec_fn=hear_ctrl_c)
    assert (ran.returncode, ran.stderr) == (130, b"hlm: interrupted\n")


def test_an_error_that_a_library_made_of_an_interrupt_is_an_interrupt():
    code = (
        "import os, signal\nfrom hlm.cli import verbs\n"
        "def load(verb):\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGINT)\n        [None for _ in range(1000)]\n"
        "    except BaseException as error:\n        raise AttributeError('half a module') from error\n"
        "verbs.Verb.load = load"
    )
    ran = run(["policy", "info", "x"], code=code, preexec_fn=hear_ctrl_c)
    assert (ran.returncode, ran.stderr) == (130, b"hlm: interrupted\n")


def test_an_interrupt_while_graphics_are_called_is_not_taken_for_a_failure_of_theirs():
    code = (
        "import ctypes, os, signal, time\nfrom OpenGL._opaque import opaque_pointer_cls\nfrom hlm.cli import verbs\n"
        "class Pointer:\n"
        "    @property\n"
        f"    def _as_parameter_(self):\n        {PRESS}\n        return 0\n"
        "def load(verb):\n"
        "    free = ctypes.CDLL(None).free\n    free.argtypes = [opaque_pointer_cls('Display')]\n"
        "    try:\n        free(Pointer())\n"
        "    except ctypes.ArgumentError:\n        pass\n"
        "    time.sleep(9)\n    return lambda words: 0\n"
        "verbs.Verb.load = load"
    )
    ran = run(["policy", "info", "x"], code=code, preexec_fn=hear_ctrl_c)
    assert (ran.returncode, ran.stderr) == (130, b"hlm: interrupted\n")


def test_under_nohup_interrupts_stay_ignored():
    code = "import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nos.kill(os.getpid(), signal.SIGINT)"
    ran = run(["--version"], code=code)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_sigterm_while_a_library_is_imported_is_not_swallowed_by_it():
    press = PRESS.replace("SIGINT", "SIGTERM")
    press = f"exec('try:\\n    {press}\\nexcept BaseException:\\n    pass')"
    code = INTERRUPTED_IMPORT.format(module="scipy.stats", body=press)
    code += (
        "\nfrom hlm.cli import verbs\nfrom hlm.cli.eval_run import termination_as_exception\nimport time\n"
        "def load(verb):\n    with termination_as_exception():\n        import scipy.stats\n        time.sleep(9)\n"
        "verbs.Verb.load = load\n"
    )
    ran = run(["eval"], code=code)
    assert (ran.returncode, ran.stderr) == (130, b"hlm: interrupted; stopped by SIGTERM\n")
