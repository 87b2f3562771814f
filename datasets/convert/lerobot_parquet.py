"""Parquet files of LeRobot datasets, read column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hlm.core.errors import CorruptError, HlmError, MissingDependencyError

if TYPE_CHECKING:
    import pyarrow

# As LeRobot looks for them, below `data` and `meta/episodes`.
_FILES = "*/*.parquet"


def parquet_files(folder: Path) -> list[Path]:
    """Parquet files of a folder in LeRobot's order; links are followed."""
    return sorted(folder.glob(_FILES))


def column_names(path: Path) -> list[str]:
    """Names of a file's columns.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        CorruptError: the file cannot be read.
    """
    parquet = _parquet()
    with foreign_errors(f"{path} cannot be read"):
        return [str(name) for name in parquet.read_schema(path).names]


def read_table(path: Path, names: Sequence[str], episode: int | None = None) -> pyarrow.Table:
    """Read some columns of a file.

    Args:
        path: the file.
        names: names of the columns.
        episode: only the rows with this `episode_index`; None for all.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        CorruptError: the file cannot be read, or lacks a column.
    """
    parquet, known = _parquet(), column_names(path)
    for name in names:
        if name not in known:
            raise CorruptError(f"{path} has no column '{name}'. It has: {', '.join(known)}.")
    filters = None if episode is None else [("episode_index", "=", episode)]
    with foreign_errors(f"{path} cannot be read"):
        # Folders called `key=value` above the file are not columns of it.
        return parquet.read_table(path, columns=list(names), filters=filters, partitioning=None)


def read_objects(path: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Read some columns of a file as one dictionary for each row.

    Raises:
        MissingDependencyError: pyarrow is not installed.
        CorruptError: the file cannot be read, or lacks a column.
    """
    rows: list[dict[str, Any]] = read_table(path, names).to_pylist()
    return rows


def array_of(column: Any, shape: Sequence[int], name: str) -> np.ndarray[Any, Any]:
    """[time, *shape] array of a column of numbers, or of lists of lists of numbers.

    Raises:
        CorruptError: the column has empty cells, no numbers, or another shape.
    """
    array, steps = column.combine_chunks(), len(column)
    while True:
        array = getattr(array, "storage", array)
        if array.null_count:
            raise CorruptError(f"column '{name}' of the dataset has empty cells.")
        if not hasattr(array, "flatten") or not hasattr(array.type, "value_type"):
            break
        array = array.flatten()
    with foreign_errors(f"column '{name}' of the dataset cannot be read"):
        values: np.ndarray[Any, Any] = array.to_numpy(zero_copy_only=False)
    if values.dtype.kind not in "biuf":
        raise CorruptError(f"column '{name}' of the dataset holds {array.type}, not numbers.")
    if values.size != steps * int(np.prod(shape)):
        raise CorruptError(
            f"column '{name}' of the dataset has {values.size} numbers in {steps} steps, not {list(shape)} each."
        )
    return values.reshape(steps, *shape)


def lerobot_missing() -> MissingDependencyError:
    """The error that LeRobot is not installed."""
    return MissingDependencyError("LeRobot is not installed: pip install 'hlm[lerobot]', or HLM_EXTRAS=dev make setup.")


@contextmanager
def foreign_errors(text: str) -> Iterator[None]:
    """Turn errors of Arrow and other libraries into a CorruptError `TEXT: reason`."""
    try:
        yield
    except HlmError:
        raise
    except Exception as error:
        raise CorruptError(f"{text}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type if it has none."""
    if isinstance(error, KeyError):
        return f"no {error}"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise lerobot_missing() from error
    return parquet
