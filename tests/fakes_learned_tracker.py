"""A network file made of two nodes, for tests: it says again what it saw last."""

import json

from hlm.control.learned_tracker.contract import KEY, contract_of
from hlm.control.learned_tracker.observation import OBSERVATIONS
from hlm.core.embodiments.unitree_g1 import UNITREE_G1


def write_network(path, inputs=OBSERVATIONS, outputs=29, said=None):
    """A network that answers with the last of its inputs; `said` changes its contract, None leaves out."""
    import onnx

    helper, float_type = onnx.helper, onnx.TensorProto.FLOAT
    given = [("from", inputs - outputs), ("to", inputs), ("axis", 1)]
    slices = [helper.make_tensor(name, onnx.TensorProto.INT64, [1], [value]) for name, value in given]
    graph = helper.make_graph(
        [helper.make_node("Slice", ["obs", "from", "to", "axis"], ["actions"])],
        "tiny",
        [helper.make_tensor_value_info("obs", float_type, [1, inputs])],
        [helper.make_tensor_value_info("actions", float_type, [1, outputs])],
        slices,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    contract = {**contract_of(UNITREE_G1), **(said or {})}
    contract = {name: value for name, value in contract.items() if value is not None}
    if contract:
        onnx.helper.set_model_props(model, {KEY: json.dumps(contract)})
    path.write_bytes(model.SerializeToString())
    return path
