"""Whole-body humanoid vision-language-action policies: record, train, evaluate, deploy."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("hlm")
except PackageNotFoundError:  # a source tree that nobody installed
    __version__ = "0.0.0+source"
