import os
import subprocess
import sys

import pytest

import hlm
from hlm.cli import main as module
from hlm.cli.main import VERBS, main
from hlm.cli.verbs import Verb, overview
from hlm.core.errors import InputError


def one_error(capsys):
    """The only line on stderr, without a traceback and without a frame."""
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert not set(captured.err) & set("╭│╰─")
    return captured.err.strip()


def test_help_lists_every_verb(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, verb in VERBS.items():
        assert f"  {name}" in text
        assert verb.summary in text


def test_nothing_to_do_shows_help_and_fails(capsys):
    assert main([]) == 2
    assert "Usage: hlm COMMAND" in capsys.readouterr().out


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hlm {hlm.__version__}\n"


def test_unknown_verb_names_the_nearest(capsys):
    assert main(["trian"]) == 2
    assert one_error(capsys).startswith("hlm: no `hlm` command 'trian'. Known: ")


def test_unknown_subcommand_names_the_nearest(capsys):
    assert main(["data", "verfy"]) == 2
    assert one_error(capsys).endswith("Did you mean 'verify'?")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["data", "info"], "PATH is missing: path of the dataset. See `hlm data info --help`."),
        (["data", "info", "here", "--episods"], "unknown option: --episods. Did you mean --episodes?"),
        (["train", "--batch-size", "many"], 'invalid value for --batch-size: unable to convert "many" into int'),
        (["train", "--device", "tpu"], 'invalid value "tpu" for --device. Choose from: "auto", "cpu", "cuda".'),
        (["train"], "training needs --datasets"),
        (["policy", "sampling", "here"], "nothing to change: give --euler-steps, --execution-horizon, or both"),
    ],
)
def test_usage_error_is_one_line(words, text, capsys):
    assert main(words) == 2
    assert text in one_error(capsys)


@pytest.mark.parametrize("verb", [["data", "info"], ["data", "verify"], ["data", "recover"], ["policy", "info"]])
def test_missing_path_is_one_line(verb, tmp_path, capsys):
    missing = tmp_path / "nothing here"
    assert main([*verb, str(missing)]) == 2
    assert str(missing) in one_error(capsys)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), 130, "hlm: interrupted"),
        (OSError(28, "No space left on device", "x.mp4"), 2, "hlm: No space left on device: x.mp4"),
        (InputError("two\n  lines"), 2, "hlm: two lines"),
        (MemoryError(), 2, "hlm: the memory is full, or a limit is reached (`ulimit -a`)."),
        (
            ImportError("libtorch_cpu.so: failed to map segment from shared object"),
            2,
            "hlm: the memory is full, or a limit is reached (`ulimit -a`).",
        ),
    ],
)
def test_exit_codes(error, code, text, capsys, monkeypatch):
    def fail(arguments):
        raise error

    monkeypatch.setattr(module, "dispatch", lambda *_: fail(()))
    assert main(["train"]) == code
    assert one_error(capsys) == text


def test_reader_that_went_away_is_quiet():
    # Closed before there is a process: one that begins to write sooner would see a part of it succeed.
    code = (
        "import sys; from hlm.cli import main as m; from hlm.cli.verbs import Verb;"
        "m.ABOUT = 'x' * 1_000_000; sys.exit(m.main(['--help']))"
    )
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = subprocess.run([sys.executable, "-c", code], stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)
    assert process.stderr == b""
    assert process.returncode == 141


def test_verb_loads_its_function():
    assert Verb("os.path:join", "").load() is os.path.join
    assert "  short  does this" in overview("x", "about", {"short": Verb("a:b", "does this")})
