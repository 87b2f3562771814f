"""What a GPU would be asked to do, on a stand-in for its recorder, and what becomes of it when it cannot."""

from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch

from hlm.policies.network import Prefix
from hlm.policies.pi05 import fast
from hlm.policies.pi05.expert import attend_few
from hlm.policies.pi05.transformer import attend

from .conftest import noise_of


class Recorder:
    """Replays as a CUDA graph does: it reads what lies at its places, and overwrites what it gave before."""

    made = 0

    def __init__(self, function):
        type(self).made += 1
        self.function, self.result = function, function()

    def replay(self):
        for place, tensor in zip(tensors(self.result), tensors(self.function()), strict=True):
            place.copy_(tensor)
        return self.result


def tensors(value):
    return [value] if isinstance(value, torch.Tensor) else [tensor for part in value for tensor in tensors(part)]


@pytest.fixture
def current():
    """Stands in for what makes a GPU the current one."""

    @contextmanager
    def become(device):
        become.now = device
        yield
        become.now = None

    become.now = None
    return become


@pytest.fixture
def on_gpu(make_network, monkeypatch, current):
    """A network prepared as if it lay on a GPU, with a recorder in place of CUDA graphs."""

    def make(recorder, compiler=lambda layer, dynamic: layer):
        monkeypatch.setattr(fast, "CudaGraph", recorder)
        monkeypatch.setattr(torch, "compile", compiler)
        monkeypatch.setattr(torch.cuda, "device", current)
        network = make_network()
        network.prepare_sampling(torch.device("cpu"))
        network._fast._device = torch.device("cuda:1")
        return network

    return make


def changed(inputs):
    return inputs._replace(images=inputs.images.flip(-1), available=inputs.available.flip(0))


def test_what_is_recorded_follows_what_it_is_given(make_network, on_gpu, inputs):
    plain, recorded = make_network(), on_gpu(Recorder)
    prefixes = [None, Prefix(noise_of(seed=3)[:, :4], 1, 4), None, Prefix(noise_of(seed=4)[:, :3], 2, 3)]
    before = Recorder.made
    chunks = []
    for seed, prefix in enumerate(prefixes):
        seen = changed(inputs) if seed % 2 else inputs
        with torch.inference_mode():
            chunks.append(recorded.sample(seen, noise_of(seed=seed), 4, prefix))
        torch.testing.assert_close(chunks[-1], plain.sample(seen, noise_of(seed=seed), 4, prefix), rtol=1e-4, atol=1e-5)
    # One graph for chunks; two for those that continue others.
    assert Recorder.made - before == 3
    assert recorded.sampling_info["sampling"] == "compiled, in one CUDA graph"
    assert all((one - other).abs().max() > 0.01 for one, other in pairwise(chunks))


def test_graphs_are_recorded_and_replayed_on_the_device_of_the_network(on_gpu, inputs, current):
    where = []

    class Watched(Recorder):
        def replay(self):
            where.append(current.now)
            return super().replay()

    on_gpu(Watched).sample(inputs, noise_of(), 2)
    assert where == [torch.device("cuda:1")]
    assert current.now is None


def test_weights_are_as_small_as_they_get_before_they_go_to_the_gpu(make_network, monkeypatch):
    network, moved = make_network(), []
    monkeypatch.setattr(
        network, "to", lambda device: moved.append((device, network.model.language.embed_tokens.weight.dtype))
    )
    network.prepare_sampling(torch.device("cuda:1"))
    assert moved == [(torch.device("cuda:1"), torch.bfloat16)]


def test_each_shape_is_recorded_once(on_gpu, inputs):
    network, before = on_gpu(Recorder), Recorder.made
    one = type(inputs)(*(None if tensor is None else tensor[:1] for tensor in inputs))
    for _ in range(2):
        network.sample(inputs, noise_of(), 2)
        network.sample(one, noise_of(1), 2)
        network.sample(inputs, noise_of(), 3)
    assert Recorder.made - before == 3


def test_what_cannot_be_had_is_told_and_done_without(make_network, on_gpu, inputs):
    def refuse(function):
        raise RuntimeError("operation not permitted\nwhen stream is capturing")

    network = on_gpu(refuse)
    expected = make_network().sample(inputs, noise_of(), 2)
    torch.testing.assert_close(network.sample(inputs, noise_of(), 2), expected, rtol=1e-4, atol=1e-5)
    assert network.sampling_info["sampling"] == "step by step"
    reason = "RuntimeError: operation not permitted"
    assert network.sampling_info["left_out"] == (
        f"compiled, in one CUDA graph: {reason}",
        f"in one CUDA graph: {reason}",
    )


def test_without_a_compiler_there_is_still_a_graph(on_gpu, inputs):
    def broken(layer, dynamic):
        def call(*_):
            raise OSError("no C compiler")

        return call

    network = on_gpu(Recorder, broken)
    network.sample(inputs, noise_of(), 2)
    assert network.sampling_info["sampling"] == "in one CUDA graph"
    assert network.sampling_info["left_out"] == ("compiled, in one CUDA graph: OSError: no C compiler",)


def test_casting_keeps_what_is_small_precise(make_network, inputs):
    network, exact = make_network(), make_network().sample(inputs, noise_of(), 4)
    fast._cast(network)
    single = {name for name, weight in network.named_parameters() if weight.dtype == torch.float32}
    assert all("norm" in name or name.startswith(("model.action_", "model.time_")) for name in single)
    assert network.model.language.rotary_emb.inv_freq.dtype == torch.float32
    for _ in range(2):
        found = network.sample(inputs, noise_of(), 4)
        assert 0.0 < (found - exact).abs().max() < 0.05 * exact.abs().max()
        network.prepare_sampling(torch.device("cpu"))


def test_both_ways_to_attend_read_the_same():
    random = torch.Generator().manual_seed(0)
    query = torch.randn(2, 8, 5, 16, generator=random)
    key, value = torch.randn(2, 2, 2, 9, 16, generator=random).unbind(0)
    mask = torch.rand(2, 1, 1, 9, generator=random) < 0.7
    bias = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)
    read = attend(query, (key, value), mask)
    torch.testing.assert_close(attend_few(query, key, value, bias), read)
    # Four heads share a key.
    shared = [tensor.repeat_interleave(4, 1) for tensor in (key, value)]
    weights = (query @ shared[0].transpose(-1, -2) / 4.0 + bias).softmax(-1)
    torch.testing.assert_close(read, (weights @ shared[1]).transpose(1, 2).flatten(2))


@pytest.mark.slow
def test_compiled_layers_learn_and_sample_the_same(make_network, inputs, monkeypatch, current):
    from fakes_policies import weighted_mean

    from hlm.policies.network import Batch

    from .conftest import HORIZON, FixedDraws

    batch = Batch(inputs, noise_of(seed=7), torch.zeros(3, HORIZON, dtype=torch.bool), {})
    gradients = []
    for compiled in (False, True):
        network = make_network(compile=compiled, gradient_checkpointing=compiled).train()
        weighted_mean(network(batch, FixedDraws(noise_of(), torch.tensor([0.1, 0.5, 0.9]))).main).backward()
        gradients.append([weight.grad for weight in network.parameters() if weight.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-4)
    plain, compiled = make_network(), make_network()
    compiled.prepare_sampling(torch.device("cpu"))
    monkeypatch.setattr(fast, "CudaGraph", Recorder)
    monkeypatch.setattr(torch.cuda, "device", current)
    compiled._fast._device = torch.device("cuda:1")
    expected = plain.sample(inputs, noise_of(), 3)
    torch.testing.assert_close(compiled.sample(inputs, noise_of(), 3), expected, rtol=1e-4, atol=1e-5)
    assert compiled.sampling_info["sampling"] == "compiled, in one CUDA graph"
