"""The file of the learned walking policy: found in its installed package, checked, opened.

It is `loco/g1_29dof/ppo_g1_29dof.onnx` of `holosoma-inference` (Amazon FAR; the repository is Apache-2.0). It is not
part of hlm: `pip install 'hlm[learned]'` brings the runtime, and the package is installed without its dependencies.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from hlm.control.learned_legs.velocity_policy import OBSERVATIONS
from hlm.control.onnx_network import OnnxNetwork, Wanted, open_onnx
from hlm.core.errors import CorruptError, MissingDependencyError
from hlm.core.layout import JOINTS

PACKAGE, VERSION = "holosoma-inference", "0.1.3"
POLICY_FILE = "holosoma_inference/models/loco/g1_29dof/ppo_g1_29dof.onnx"
SHA256 = "c9d310f479c2da1e86f468de24f64e102a2a275c14eed0fa341473612d942294"
_MEND = f"pip install 'hlm[learned]' && pip install --no-deps {PACKAGE}=={VERSION}"


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

    def check(found: str) -> None:
        if found != sha256:
            raise CorruptError(
                f"{path} is not the walking policy that hlm knows: its SHA-256 is {found[:12]}..., not "
                f"{sha256[:12]}.... Install that one: {_MEND}"
            )

    return open_onnx(path, Wanted(who="learned legs", inputs=OBSERVATIONS, outputs=JOINTS, mend=_MEND), check)
