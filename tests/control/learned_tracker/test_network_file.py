"""The file of a learned tracker: what it must say, and what is refused in one line."""

import hashlib
import json
import sys

import numpy as np
import pytest
from fakes_learned_tracker import write_network

from hlm.control.learned_tracker.contract import KEY, contract_fault, contract_of
from hlm.control.learned_tracker.network_file import digest_file, open_tracker_network
from hlm.control.learned_tracker.observation import OBSERVATIONS
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import CorruptError, MismatchError, MissingDependencyError, MissingFileError


class TestContract:
    def said(self, **changed):
        return {KEY: json.dumps({**contract_of(UNITREE_G1), **changed})}

    def test_what_it_says_survives_text(self):
        assert contract_fault(self.said(), UNITREE_G1) == ""

    def test_rounded_figures_are_the_same(self):
        rounded = [round(value, 6) for value in UNITREE_G1.kp_nm_rad.tolist()]
        assert contract_fault(self.said(kp_nm_rad=rounded), UNITREE_G1) == ""

    @pytest.mark.parametrize(
        ("changed", "text"),
        [
            ({"rate_hz": 100.0}, "its rate_hz is 100.0, and this robot needs 50.0"),
            ({"preview_slots": [0]}, r"its preview_slots is \[0\], and this robot needs \[0, 2, 4, 6, 8\]"),
            ({"joints": ["knee"]}, r'its joints is \["knee"\], and this robot needs .*\.\.\.'),
            ({"kp_nm_rad": [1.0] * 29}, r"its kp_nm_rad is \[1.0.*\.\.\., and this robot needs"),
            ({"action_scale_rad": "large"}, 'its action_scale_rad is "large"'),
            ({"action_scale_rad": ["large"] * 29}, "its action_scale_rad is"),
        ],
    )
    def test_what_differs_is_named(self, changed, text):
        import re

        assert re.match(text, contract_fault(self.said(**changed), UNITREE_G1))

    def test_what_is_missing_is_named(self):
        said = {name: value for name, value in contract_of(UNITREE_G1).items() if name != "kd_nm_s_rad"}
        assert contract_fault({KEY: json.dumps(said)}, UNITREE_G1) == "it does not say 'kd_nm_s_rad'"
        assert contract_fault({}, UNITREE_G1) == "it does not say what it sees (no metadata 'hlm_tracker')"
        assert contract_fault({KEY: "{"}, UNITREE_G1).startswith("its metadata 'hlm_tracker' is no JSON: ")
        assert contract_fault({KEY: "[]"}, UNITREE_G1) == "its metadata 'hlm_tracker' is no JSON object"


class TestFile:
    @pytest.fixture(autouse=True)
    def packages(self):
        pytest.importorskip("onnx", reason="needs onnx, which is not part of hlm")
        pytest.importorskip("onnxruntime", reason="needs hlm[learned]")

    def test_a_network_answers(self, tmp_path):
        network = open_tracker_network(write_network(tmp_path / "t.onnx"), UNITREE_G1)
        np.testing.assert_allclose(network(np.arange(float(OBSERVATIONS))), np.arange(OBSERVATIONS - 29, OBSERVATIONS))
        assert network.sha256 == hashlib.sha256((tmp_path / "t.onnx").read_bytes()).hexdigest()

    def test_other_shapes_are_refused(self, tmp_path):
        path = write_network(tmp_path / "t.onnx", 100, 12)
        with pytest.raises(MismatchError, match=rf"\[\[1, 100\]\] to .* trackers need \[\[1, {OBSERVATIONS}\]\]"):
            open_tracker_network(path, UNITREE_G1)

    def test_another_contract_is_refused(self, tmp_path):
        path = write_network(tmp_path / "t.onnx", said={"embodiment": "other"})
        with pytest.raises(MismatchError, match=r't.onnx is no tracker for unitree_g1: its embodiment is "other"'):
            open_tracker_network(path, UNITREE_G1)

    def test_another_digest_than_the_noted_one_is_refused(self, tmp_path):
        path = write_network(tmp_path / "t.onnx")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        digest_file(path).write_text(f"{digest}  t.onnx\n")
        assert open_tracker_network(path, UNITREE_G1).sha256 == digest
        for text, known in ((f"{'0' * 64}  t.onnx\n", "0" * 12), ("", "nothing")):
            digest_file(path).write_text(text)
            with pytest.raises(CorruptError, match=rf"not what was exported.*{digest[:12]}.*{known}"):
                open_tracker_network(path, UNITREE_G1)

    def test_no_network_is_refused_in_one_line(self, tmp_path):
        path = tmp_path / "text.onnx"
        path.write_text("no network\n")
        with pytest.raises(CorruptError, match="is no ONNX network") as caught:
            open_tracker_network(path, UNITREE_G1)
        assert "\n" not in str(caught.value)

    def test_no_file_is_refused(self, tmp_path):
        with pytest.raises(MissingFileError, match=r"there is no file .*none.onnx"):
            open_tracker_network(tmp_path / "none.onnx", UNITREE_G1)


def test_without_the_runtime_the_mend_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"trackers need onnxruntime: pip install 'hlm\[learned\]'"):
        open_tracker_network(tmp_path / "any.onnx", UNITREE_G1)
