"""Arguments of a verb: the fields of a dataclass, parsed by cyclopts; a usage error becomes one line."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from functools import partial
from inspect import Parameter as PythonParameter
from inspect import Signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from hlm.core.errors import InputError

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError, Group, Token
    from cyclopts.help import ColumnSpec, HelpEntry
    from rich.console import Console

ARGUMENTS, OPTIONS = "Arguments", "Options"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Place:
    """Makes a field a positional argument, as metadata of its type.

    Attributes:
        name: its name in the help text; by default, the field's in capitals.
        help: its help text; by default, the field's entry in the docstring of the class.
    """

    name: str = ""
    help: str = ""


Positional = Annotated[_Value, Place()]


def parse[Config](
    config: type[Config],
    program: str,
    arguments: Sequence[str],
    *,
    default: Config | None = None,
    names: Mapping[str, str] = MappingProxyType({}),
    choices: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> Config:
    """Parse arguments into a config; `--help` prints the help text and exits with code 0.

    Args:
        config: dataclass whose fields are the arguments and whose docstring is the help text. A field is an option
            unless its type is `Positional`; a field of a nested dataclass is the option `--FIELD.NESTED-FIELD`.
        program: how the program was called, for example `hlm data info`.
        arguments: the words after that.
        default: values of the options that are not given, in place of the defaults of the class.
        names: what to call a field on the command line, where it is not its own name.
        choices: values that a text field of `config` may have, where its type does not list them.

    Raises:
        InputError: an unknown option, or a missing or malformed value, in one line.
    """
    from cyclopts import CycloptsError

    base = MISSING if default is None else default
    leaves = [
        replace(leaf, hint=_literal(choices[leaf.name])) if leaf.name in choices else leaf
        for leaf in _leaves(config, base, names)
    ]
    try:
        given = _app(config, program, leaves)(list(arguments), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise InputError(f"{_one_line(error)} See `{program} --help`.") from None
    if given is None:  # the help text has been printed
        raise SystemExit(0)
    values = {leaf.path: given.get(leaf.name, leaf.default) for leaf in leaves}
    result: Config = _build(config, base, names, values)
    return result


@dataclass(frozen=True, kw_only=True, slots=True)
class _Leaf:
    """A field that takes a value, at any depth of nested dataclasses.

    Attributes:
        path: names of the fields that lead to it, as the command line calls them.
        hint: its type.
        default: its value when it is not given; MISSING when it must be given.
        help: help text.
        place: set for a positional argument.
    """

    path: tuple[str, ...]
    hint: Any
    default: Any
    help: str
    place: Place | None

    @property
    def name(self) -> str:
        """Its name as a parameter of a Python function."""
        return "__".join(self.path)

    @property
    def shown_name(self) -> str:
        """Its name on the command line."""
        if self.place is not None:
            return self.place.name or self.path[-1].replace("_", "-").upper()
        return "--" + ".".join(self.path).replace("_", "-")

    @property
    def group(self) -> str:
        """Title of the section of the help text that it stands in."""
        return ".".join(self.path[:-1]) or (OPTIONS if self.place is None else ARGUMENTS)


def _leaves(config: type[Any], default: Any, names: Mapping[str, str], path: tuple[str, ...] = ()) -> Iterator[_Leaf]:
    from docstring_parser import parse as parse_docstring

    help_texts = {entry.arg_name: entry.description for entry in parse_docstring(config.__doc__ or "").params}
    for name, hint, value in _fields(config, default):
        here = (*path, names.get(name, name))
        if is_dataclass(hint):
            yield from _leaves(typing.cast("type[Any]", hint), value, {}, here)
            continue
        place = next((entry for entry in typing.get_args(hint) if isinstance(entry, Place)), None)
        text = (place and place.help) or help_texts.get(name) or ""
        yield _Leaf(path=here, hint=hint, default=value, help=" ".join(text.split()), place=place)


def _literal(values: Iterable[str]) -> Any:
    literal: Any = Literal
    return literal[tuple(values)]


def _fields(config: type[Any], default: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, type and default value of each field; a nested dataclass is of the type of its default value."""
    hints = typing.get_type_hints(config, include_extras=True)
    for item in fields(config):
        value = item.default if item.default_factory is MISSING else item.default_factory()
        if default is not MISSING:
            value = getattr(default, item.name)
        yield item.name, type(value) if is_dataclass(value) else hints[item.name], value


def _app(config: type[Any], program: str, leaves: Sequence[_Leaf]) -> App:
    """A cyclopts application whose result is the values that were given, by the name of their leaf."""
    from cyclopts import App, Group, Parameter
    from cyclopts.help import DefaultFormatter

    titles = dict.fromkeys([ARGUMENTS, OPTIONS, *(leaf.group for leaf in leaves)])
    groups = {title: Group(title, sort_key=number) for number, title in enumerate(titles)}
    # Python wants positional parameters first, and among them those without a default.
    ordered = sorted(leaves, key=lambda leaf: (leaf.place is None, leaf.default is not MISSING))
    positional = [leaf for leaf in ordered if leaf.place is not None]

    def collect(*values: Any, **options: Any) -> dict[str, Any]:
        return {leaf.name: value for leaf, value in zip(positional, values, strict=False)} | options

    signature = Signature([_parameter(leaf, groups[leaf.group]) for leaf in ordered])
    collect.__signature__ = signature  # type: ignore[attr-defined]
    app = App(
        name=program,
        usage=" ".join(["Usage:", program, "[OPTIONS]", *map(_usage, positional)]),
        help=_description(config),
        help_format="plaintext",
        help_formatter=DefaultFormatter(column_specs=_columns),
        help_flags=("--help", "-h"),
        version_flags=(),
        group_arguments=groups[ARGUMENTS],
        group_parameters=groups[OPTIONS],
        default_parameter=Parameter(
            consume_multiple=True,
            allow_repeating=True,
            negative_iterable=(),
            negative_none=(),
            show_default=_shown_default,
        ),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    app["--help"].group = groups[OPTIONS]
    app["--help"].help = "show this help text and exit."
    app.default(collect)
    return app


def _description(config: type[Any]) -> str:
    """The paragraphs at the start of a docstring, each on one line: the terminal's width breaks them."""
    from docstring_parser import parse as parse_docstring

    paragraphs = (parse_docstring(config.__doc__ or "").description or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _columns(console: Console, options: object, entries: Sequence[HelpEntry]) -> tuple[ColumnSpec, ...]:
    """Columns of the help text: names, which are never broken so that they can be searched for, and texts."""
    from cyclopts.help import ColumnSpec, DescriptionRenderer, NameRenderer

    words = [word for entry in entries for label in entry.display_labels_with_metavar for word in label.split()]
    name = NameRenderer(max_width=max(console.width // 3, 2 + max(map(len, words))))
    return ColumnSpec(renderer=name, style="cyclopts.name"), ColumnSpec(renderer=DescriptionRenderer())


def _parameter(leaf: _Leaf, group: Group) -> PythonParameter:
    from cyclopts import Parameter

    kind = PythonParameter.KEYWORD_ONLY if leaf.place is None else PythonParameter.POSITIONAL_ONLY
    default = PythonParameter.empty if leaf.default is MISSING else leaf.default
    optional = type(None) in _parts(leaf.hint)
    shown = Parameter(name=leaf.shown_name, help=leaf.help, group=group, converter=partial(_convert, optional=optional))
    return PythonParameter(leaf.name, kind, default=default, annotation=Annotated[leaf.hint, shown])


def _convert(hint: Any, tokens: Sequence[Token], *, optional: bool) -> Any:
    """Convert as cyclopts does, except that `None` unsets an optional value and that a fraction is not an integer."""
    from cyclopts import UNSET, CoercionError, convert

    if optional and [token.value for token in tokens] == ["None"]:
        return None
    for token in tokens:
        if int in _parts(hint) and token.implicit_value is UNSET and not re.fullmatch(r"[-+]?\d+", token.value):
            raise CoercionError(token=token, target_type=int)
    return convert(hint, tokens)


def _parts(hint: Any) -> set[Any]:
    """A type and all types inside it."""
    return {hint}.union(*map(_parts, typing.get_args(hint)))


def _usage(leaf: _Leaf) -> str:
    name = f"{leaf.shown_name}{'...' if Ellipsis in _parts(leaf.hint) else ''}"
    return name if leaf.default is MISSING else f"[{name}]"


def _shown_default(value: Any) -> str | None:
    if isinstance(value, tuple):
        return " ".join(filter(None, map(_shown_default, value))) or None
    if isinstance(value, float):
        return f"{value:g}"
    return None if value is None or value is False else str(value)


def _one_line(error: CycloptsError) -> str:
    from cyclopts import MissingArgumentError, UnusedCliTokensError

    error.verbose = False
    text = " ".join(str(error).split())
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        text = f"unexpected argument '{error.unused_tokens[0]}'."
    elif type(error) is MissingArgumentError and error.argument is not None:
        count, _ = error.argument.token_count()
        if error.keyword is None:
            text = f"{error.argument.name} is missing: {(error.argument.parameter.help or '').rstrip('.')}."
        elif count > 1:
            text = f"{error.keyword} needs {count} values, got {len(error.tokens_so_far)}."
        else:
            text = f"{error.keyword} needs a value."
    return text[0].lower() + text[1:] if text.split()[0].istitle() else text


def _build(config: type[Any], default: Any, names: Mapping[str, str], values: Mapping[tuple[str, ...], Any]) -> Any:
    """An instance of a dataclass, and of those nested in it, from the values of its leaves."""
    arguments = {}
    for name, hint, value in _fields(config, default):
        first = names.get(name, name)
        if is_dataclass(hint):
            inner = {path[1:]: leaf_value for path, leaf_value in values.items() if path[0] == first}
            arguments[name] = _build(typing.cast("type[Any]", hint), value, {}, inner)
        else:
            arguments[name] = values[first,]
    return config(**arguments)
