"""Two processes that share pi0.5's weights out learn what one learns that has all of them."""

import pytest
import torch
import torch._dynamo  # which FSDP imports, slowly; so the processes that are forked have it
from torch.distributed.fsdp import FSDPModule

from hlm.policies.network import Batch, Inputs
from hlm.policies.training.config import TrainConfig
from hlm.policies.training.draws import SampleDraws
from hlm.policies.training.processes import join_processes
from hlm.policies.training.state import TrainState

from .conftest import HORIZON, noise_of

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
UPDATES = 3


def batch_of(inputs, rows):
    chosen = Inputs(*(None if tensor is None else tensor[rows] for tensor in inputs))
    return Batch(chosen, noise_of(seed=7)[rows], torch.zeros(len(rows), HORIZON, dtype=torch.bool), {})


def learn(folder, network, inputs, sharding):
    config = TrainConfig(device="cpu", sharding=sharding, steps=UPDATES, learning_rate=1e-2, ema_decay=0.5)
    processes = join_processes(config)
    state = TrainState.start(network, config, processes, bfloat16=False)
    if sharding == "fsdp":
        assert len(network.sharded_layers) == 4
        for layer in network.sharded_layers:
            assert isinstance(layer, FSDPModule)
            weight = next(weight for weight in layer.parameters() if weight.ndim == 2)
            assert weight.to_local().shape[0] == weight.shape[0] // 2
    rows = list(range(processes.process_index, len(inputs.images), processes.num_processes))
    for _ in range(UPDATES):
        state.update(batch_of(inputs, rows), SampleDraws(0, rows), config)
    with state.ema_applied() as averaged:
        chunk = averaged.sample(inputs, noise_of(len(inputs.images)), 2)
    document = state.to_document()
    if processes.is_main_process:
        kept = {name: document[name] for name in ("model", "ema")}
        torch.save(kept | {"chunk": {"chunk": chunk}}, folder / "kept.pt")


@pytest.mark.parametrize("checkpointing", [False, True])
def test_pi05_learns_alike_when_its_layers_are_shared_out(checkpointing, make_network, inputs, in_processes, tmp_path):
    two = Inputs(*(None if tensor is None else tensor[:2] for tensor in inputs))
    found = []
    for count, sharding in ((1, "none"), (2, "fsdp")):
        folder = tmp_path / sharding
        network = make_network(gradient_checkpointing=checkpointing).train()
        codes, said = in_processes(count, folder, learn, folder, network, two, sharding)
        assert codes == [0] * count, said
        found.append(torch.load(folder / "kept.pt"))
    alone, both = found
    for part, tensors in alone.items():
        assert tensors.keys() == both[part].keys()
        for name, tensor in tensors.items():
            torch.testing.assert_close(both[part][name], tensor, rtol=1e-3, atol=1e-4)
