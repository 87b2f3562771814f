"""Networks in ONNX's runtime: one input, one output, one thread."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError, MismatchError, MissingDependencyError, MissingFileError


@dataclass(frozen=True, slots=True, eq=False)
class OnnxNetwork:
    """A network of one input and one output in ONNX's runtime.

    Attributes:
        session: the runtime's session.
        sha256: of the file.
    """

    session: Any
    sha256: str

    def __call__(self, observation: FloatArray) -> FloatArray:
        """[output] values for an [input] observation."""
        given = {self.session.get_inputs()[0].name: observation[None].astype(np.float32)}
        actions: FloatArray = self.session.run(None, given)[0][0].astype(np.float64)
        return actions

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says about itself."""
        return dict(self.session.get_modelmeta().custom_metadata_map)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a network must be.

    Attributes:
        who: who needs it, as in "WHO need [[1, 100]] to [[1, 29]]".
        inputs: numbers in.
        outputs: numbers out.
        mend: how the runtime is installed.
    """

    who: str
    inputs: int
    outputs: int
    mend: str


def open_onnx(path: Path, wanted: Wanted, check: Callable[[str], None]) -> OnnxNetwork:
    """The network of a file.

    Args:
        path: the file.
        wanted: what it must be.
        check: told the SHA-256 of the file before it is opened; raises where it should not be.

    Raises:
        MissingDependencyError: ONNX's runtime is not installed.
        MissingFileError: there is no such file.
        CorruptError: the file holds no network.
        MismatchError: its network has other inputs or outputs.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(f"{wanted.who} need {error.name}: {wanted.mend}") from error
    if not path.is_file():
        raise MissingFileError(f"{wanted.who} need a network, and there is no file {path}.")
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    check(sha256)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CorruptError(f"{path} is no ONNX network: {' '.join(str(error).split())}") from error
    shapes = [[list(port.shape) for port in ports] for ports in (session.get_inputs(), session.get_outputs())]
    if shapes != [[[1, wanted.inputs]], [[1, wanted.outputs]]]:
        raise MismatchError(
            f"{path} maps {shapes[0]} to {shapes[1]}; {wanted.who} need [[1, {wanted.inputs}]] to "
            f"[[1, {wanted.outputs}]]."
        )
    return OnnxNetwork(session, sha256)
