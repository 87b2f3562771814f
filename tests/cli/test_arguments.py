"""Laws of parsing that hold for every verb."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from hlm.cli.arguments import Place, Positional, parse
from hlm.core.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    """A part.

    Attributes:
        rate: learning rate.
    """

    rate: float = 0.041666666
    on: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Do something with `files`.

    It takes [a while].

    Attributes:
        path: the `first` file,
            on two lines.
        seed: seed of everything.
        inner: the part.
    """

    path: Positional[Path]
    rest: Annotated[tuple[str, ...], Place("NUMBERS", help='such as "3 5-7"')] = ()
    seed: int = 3
    out: Path | None = None
    limit: float | None = 45.0
    append: bool = False
    image_size: tuple[int, int] | None = (128, 96)
    cameras: tuple[str, ...] = ("head",)
    device: Literal["auto", "cpu"] = "auto"
    inner: Inner = field(default_factory=Inner)
    part: Any = field(default_factory=Inner)


BASE = Config(path=Path("p"))


def parsed(*words, **options):
    return parse(Config, "hlm x", list(words), **options)


@pytest.fixture
def help_text(capsys):
    def show(**options):
        with pytest.raises(SystemExit) as stop:
            parsed("--help", **options)
        assert stop.value.code == 0
        return capsys.readouterr().out

    return show


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("p", {}),
        ("p 1 2-3 --seed 4", {"rest": ("1", "2-3"), "seed": 4}),
        ("--seed=4 p", {"seed": 4}),
        ("p --seed -1", {"seed": -1}),
        ("p --seed 5 --seed 6", {"seed": 6}),
        ("p --limit 1e-3", {"limit": 1e-3}),
        ("p --limit None --out None --image-size None", {"limit": None, "image_size": None}),
        ("p --append", {"append": True}),
        ("p --append --no-append", {}),
        ("p --image-size 64 32", {"image_size": (64, 32)}),
        ("p --image_size 64 32", {"image_size": (64, 32)}),
        ("--cameras a b --seed 3 p", {"cameras": ("a", "b")}),
        ("p --cameras", {"cameras": ()}),
        ("p --inner.rate 2 --inner.no-on", {"inner": Inner(rate=2.0, on=False)}),
        ("p --part.rate 2", {"part": Inner(rate=2.0)}),
        ("p -- --odd", {"rest": ("--odd",)}),
    ],
)
def test_words_change_fields(words, changes):
    assert parsed(*words.split()) == replace(BASE, **changes)


def test_a_default_takes_the_place_of_the_class_defaults():
    default = replace(BASE, seed=9, inner=Inner(rate=7.0), cameras=())
    assert parsed("q", default=default) == replace(default, path=Path("q"))
    assert parsed("--inner.no-on", default=default) == replace(default, inner=Inner(rate=7.0, on=False))


def test_a_field_may_have_another_name():
    options = {"default": BASE, "names": {"part": "compact"}}
    assert parsed("--compact.rate", "2", **options) == replace(BASE, part=Inner(rate=2.0))
    with pytest.raises(InputError, match=r"^unknown option: --part.rate"):
        parsed("--part.rate", "2", **options)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "PATH is missing: the `first` file, on two lines."),
        ("p --seed", "--seed needs a value."),
        ("p --out --seed 3", "--out needs a value."),
        ("p --image-size 64", "--image-size needs 2 values, got 1."),
        ("p --sed 3", "unknown option: --sed. Did you mean --seed?"),
        ("p --zzz", "unknown option: --zzz."),
        ("p --seed 1.5", 'invalid value for --seed: unable to convert "1.5" into int.'),
        ("p --image-size 64 32.0", 'invalid value for --image-size: unable to convert "32.0" into int.'),
        ("p --seed None", 'invalid value for --seed: unable to convert "None" into int.'),
        ("p --limit soon", 'invalid value for --limit: unable to convert "soon" into float.'),
        ("p --device cpo", 'invalid value "cpo" for --device. Choose from: "auto", "cpu". Did you mean "cpu"?'),
        ("p --inner.rat 3", "unknown option: --inner.rat. Did you mean --inner.rate?"),
    ],
)
def test_a_usage_error_is_one_line(words, complaint, capsys):
    with pytest.raises(InputError) as refusal:
        parsed(*words.split())
    assert str(refusal.value) == f"{complaint} See `hlm x --help`."
    assert capsys.readouterr() == ("", "")


def test_too_many_positional_arguments():
    @dataclass(frozen=True, kw_only=True, slots=True)
    class One:
        path: Positional[Path]

    with pytest.raises(InputError, match=r"^unexpected argument 'b'\. See `hlm one --help`\.$"):
        parse(One, "hlm one", ["a", "b", "c"])


def test_help_text(help_text):
    text = help_text()
    assert text.startswith("Usage: hlm x [OPTIONS] PATH [NUMBERS...]\n")
    for part in (
        "Do something with `files`.\n\nIt takes [a while].\n",
        "the `first` file, on two lines. [required]",
        'such as "3 5-7"',
        "--seed INT",
        "seed of everything. [default: 3]",
        "--append --no-append",
        "[choices: auto, cpu]",
        "[default: 128 96]",
        "--inner.rate FLOAT",
        "learning rate. [default: 0.0416667]",
        "show this help text and exit.",
    ):
        assert part in text
    assert "None" not in text
    assert "False" not in text
    assert "()" not in text


def test_help_text_shows_the_defaults_that_hold(help_text):
    text = help_text(default=replace(BASE, seed=9, inner=Inner(rate=7.0)), names={"part": "compact"})
    assert "[default: 9]" in text
    assert "learning rate. [default: 7]" in text
    assert "--compact.rate FLOAT" in text
