"""The policy's file: found, checked, refused in one line."""

import hashlib
import sys
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from hlm.control.learned_legs import policy_file
from hlm.control.learned_legs.policy_file import SHA256, find_policy_file, open_network
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import CorruptError, MismatchError, MissingDependencyError

MEND = r"pip install 'hlm\[learned\]' && pip install --no-deps holosoma-inference==0.1.3"


def tiny(path, inputs=100, outputs=29):
    """A network that gives the first of its inputs; its path and digest."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, float_type = onnx.helper, onnx.TensorProto.FLOAT
    given = [("from", 0), ("to", outputs), ("axis", 1)]
    slices = [helper.make_tensor(name, onnx.TensorProto.INT64, [1], [value]) for name, value in given]
    graph = helper.make_graph(
        [helper.make_node("Slice", ["seen", "from", "to", "axis"], ["action"])],
        "tiny",
        [helper.make_tensor_value_info("seen", float_type, [1, inputs])],
        [helper.make_tensor_value_info("action", float_type, [1, outputs])],
        slices,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content = model.SerializeToString()
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def test_a_network_maps_what_it_sees(tmp_path):
    network = open_network(*tiny(tmp_path / "tiny.onnx"))
    np.testing.assert_allclose(network(np.arange(100.0)), np.arange(29.0))


def test_another_file_is_refused(tmp_path):
    path, digest = tiny(tmp_path / "tiny.onnx")
    with pytest.raises(CorruptError, match=rf"tiny.onnx is not the walking policy.* {digest[:12]}.*{SHA256[:12]}"):
        open_network(path)


def test_another_shape_is_refused(tmp_path):
    with pytest.raises(MismatchError, match=r"maps \[\[1, 90\]\] to \[\[1, 12\]\]; learned legs need \[\[1, 100\]\]"):
        open_network(*tiny(tmp_path / "tiny.onnx", 90, 12))


def test_what_is_no_network_is_refused_in_one_line(tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "text.onnx"
    path.write_text("no network\n")
    with pytest.raises(CorruptError, match=r"is no ONNX network") as caught:
        open_network(path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert "\n" not in str(caught.value)


def test_without_the_runtime_the_mend_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=f"learned legs need onnxruntime: {MEND}"):
        open_network(tmp_path / "any.onnx")


def test_without_the_package_the_mend_is_told(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(policy_file, "distribution", missing)
    with pytest.raises(MissingDependencyError, match=f"need the policy of holosoma-inference 0.1.3: {MEND}"):
        find_policy_file()


def test_the_policy_was_trained_with_the_gains_of_the_robots_table(known_policy):
    import json

    noted = known_policy.session.get_modelmeta().custom_metadata_map
    for name, gains in (("kp", "kp_nm_rad"), ("kd", "kd_nm_s_rad")):
        table = [getattr(joint, gains) for joint in UNITREE_G1.joints]
        np.testing.assert_allclose(json.loads(noted[name]), table, rtol=1e-6)
    assert [name.removesuffix("_joint") for name in json.loads(noted["dof_names"])] == [
        joint.name for joint in UNITREE_G1.joints
    ]
