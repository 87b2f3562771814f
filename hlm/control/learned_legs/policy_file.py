"""The file of the learned walking policy: found in its installed package, checked, opened.

It is `loco/g1_29dof/ppo_g1_29dof.onnx` of `holosoma-inference` (Amazon FAR; the repository is Apache-2.0). It is not
part of hlm: `pip install 'hlm[learned]'` brings the runtime, and the package is installed without its dependencies.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from hlm.control.learned_legs.velocity_policy import OBSERVATIONS
from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError, MismatchError, MissingDependencyError
from hlm.core.layout import JOINTS

PACKAGE, VERSION = "holosoma-inference", "0.1.3"
POLICY_FILE = "holosoma_inference/models/loco/g1_29dof/ppo_g1_29dof.onnx"
SHA256 = "c9d310f479c2da1e86f468de24f64e102a2a275c14eed0fa341473612d942294"
_MEND = f"pip install 'hlm[learned]' && pip install --no-deps {PACKAGE}=={VERSION}"


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
        """[29] actions for a [100] observation."""
        given = {self.session.get_inputs()[0].name: observation[None].astype(np.float32)}
        actions: FloatArray = self.session.run(None, given)[0][0].astype(np.float64)
        return actions


def find_policy_file() -> Path:
    """The policy's file in the installed package.

    Raises:
        MissingDependencyError: the package is not installed, or without the file.
    """
    try:
        found = [file.locate() for file in distribution(PACKAGE).files or () if file.as_posix() == POLICY_FILE]
    except PackageNotFoundError:
        found = []
    if not found or not Path(str(found[0])).is_file():
        raise MissingDependencyError(f"learned legs need the policy of {PACKAGE} {VERSION}: {_MEND}")
    return Path(str(found[0]))


def open_network(path: Path, sha256: str = SHA256) -> OnnxNetwork:
    """A policy's network, in one thread.

    Args:
        path: its ONNX file.
        sha256: what the file must be.

    Raises:
        MissingDependencyError: ONNX's runtime is not installed.
        CorruptError: the file is another one.
        MismatchError: its network has other inputs or outputs.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(f"learned legs need {error.name}: {_MEND}") from error
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise CorruptError(
            f"{path} is not the walking policy that hlm knows: its SHA-256 is {found[:12]}..., not {sha256[:12]}.... "
            f"Install that one: {_MEND}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CorruptError(f"{path} is no ONNX network: {' '.join(str(error).split())}") from error
    shapes = [[list(port.shape) for port in ports] for ports in (session.get_inputs(), session.get_outputs())]
    if shapes != [[[1, OBSERVATIONS]], [[1, JOINTS]]]:
        raise MismatchError(
            f"{path} maps {shapes[0]} to {shapes[1]}; learned legs need [[1, {OBSERVATIONS}]] to [[1, {JOINTS}]]."
        )
    return OnnxNetwork(session, found)
