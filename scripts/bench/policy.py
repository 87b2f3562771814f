"""Latency of policies per chunk, and their training throughput.

Pi0.5 in hlm against LeRobot's own forward pass and sampling: the same network and random weights, three 224 px views, a
long prompt and 10 flow steps, measured alternately. On a GPU it has the published size in bfloat16, elsewhere a small
size in float32 with small batches. Then the shipped compact policy.

CPU measurements use one core and count processor time, so that other processes do not matter.

`python scripts/bench/policy.py --json runs/bench/policy.json`
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hlm.core.layout import DIMENSIONS
from hlm.core.values import CameraFrame, Observation
from hlm.policies.encoding import Encoding, EncodingConfig
from hlm.policies.network import Batch, Inputs
from hlm.policies.pi05.build import build
from hlm.policies.pi05.config import Pi05Config
from hlm.policies.pi05.network import Pi05Network
from hlm.policies.trained import load_policy
from hlm.policies.transforms.quantiles import Quantiles
from hlm.policies.transforms.text import NoText

SIZES: Mapping[str, Mapping[str, Any]] = {
    "toy": {"paligemma_variant": "gemma_toy", "action_expert_variant": "gemma_toy"},
    "small": {"paligemma_variant": "gemma_small", "action_expert_variant": "gemma_small"},
    "full": {},
}
CAMERAS = ("head", "left_wrist", "right_wrist")
SIDE_PX = 224
HORIZON = 50
SLOTS = 200
STEPS = 10
SHIPPED = Path(__file__).parents[2] / "policies" / "shipped" / "shelf_cup_transfer"
COMPACT_CHUNKS = 60
# Targets by name of the figure.
TARGETS = {
    "latency_1_ratio": (">=", 4.0, "full"),
    "latency_1_ours_median_ms": ("<=", 15.0, "full"),
    "training_ratio": (">=", 1.5, "full"),
    "compact_10_steps_median_ms": ("<=", 60.0, None),
    "compact_default_steps_median_ms": ("<=", 60.0, None),
}

type Figures = dict[str, Any]


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, help="size of pi0.5; by default, full on a GPU and small elsewhere")
    parser.add_argument("--device", default="auto", help="device for pi0.5, by torch's name")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    device = _device(arguments.device)
    size = arguments.size or ("full" if device.type == "cuda" else "small")
    torch.set_num_threads(1)
    figures = measure(size, device)
    show(figures)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measure(size: str, device: torch.device) -> Figures:
    """All figures by name; names end in the unit."""
    gpu = device.type == "cuda"
    figures: Figures = {
        "device": torch.cuda.get_device_name(device) if gpu else "cpu",
        "size": size,
        "left_out": [] if gpu else ["the published size in bfloat16, CUDA graphs, training with batch 32: no GPU"],
    }
    networks = [make_network(size, device) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    figures["dtype"] = str(networks[0].dtype).removeprefix("torch.")
    figures["parameters"] = sum(weight.numel() for weight in networks[0].parameters())
    figures |= training(networks[0], networks[1], device, batch=32 if gpu else 2)
    for network in networks:
        network.requires_grad_(requires_grad=False)
        network.zero_grad()
    figures |= latencies(networks[0], networks[1].eval(), device, batches=(1, 32))
    del networks
    return figures | compact()


def make_network(size: str, device: torch.device) -> Pi05Network:
    """Pi0.5 with random weights on a device; its `model` is LeRobot's, and works as LeRobot's does."""
    options = Pi05Config(
        pretrained=None,
        init="random",
        dtype="bfloat16" if device.type == "cuda" else "float32",
        gradient_checkpointing=True,
        **SIZES[size],
    )
    config = EncodingConfig(
        cameras=CAMERAS, recorded_sizes=((SIDE_PX, SIDE_PX),), image_size=(SIDE_PX, SIDE_PX), horizon=HORIZON
    )
    range_of = Quantiles(np.full(DIMENSIONS, -1.0), np.full(DIMENSIONS, 1.0))
    # Drawing on the device takes seconds, on the CPU a minute.
    network = build(options, Encoding(config, range_of, range_of, NoText()), draw=False).to(device)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(std=0.02)
    return network


def make_inputs(batch: int, device: torch.device) -> Inputs:
    """Random observations: all views, and prompts as long as a state of 34 numbers makes them."""
    return Inputs(
        images=torch.rand(batch, len(CAMERAS), 3, SIDE_PX, SIDE_PX, device=device) * 2.0 - 1.0,
        available=torch.ones(batch, len(CAMERAS), dtype=torch.bool, device=device),
        state=None,
        tokens=torch.randint(1, 1000, (batch, SLOTS), device=device),
        token_mask=(torch.arange(SLOTS, device=device) < SLOTS - 40).expand(batch, -1),
    )


def as_lerobot(inputs: Inputs) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor]:
    """The inputs in the form that LeRobot's network takes."""
    return list(inputs.images.unbind(1)), list(inputs.available.unbind(1)), inputs.tokens, inputs.token_mask


class RandomDraws:
    """Noise and flow times from torch's random state."""

    def __init__(self, batch: int, device: torch.device) -> None:
        self._batch, self._device = batch, device

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(self._batch, *shape, device=self._device)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform in [0, 1)."""
        return torch.rand(self._batch, *shape, device=self._device)


def training(ours: Pi05Network, theirs: Pi05Network, device: torch.device, *, batch: int) -> Figures:
    """Samples per second of updates with gradient checkpointing and AdamW."""
    inputs, draws = make_inputs(batch, device), RandomDraws(batch, device)
    actions = draws.normal(HORIZON, DIMENSIONS)
    samples = Batch(inputs, actions, torch.zeros(batch, HORIZON, dtype=torch.bool, device=device), {})
    core = theirs.model
    core.gradient_checkpointing_enable()

    def our_loss() -> Tensor:
        values, weights, _ = ours(samples, draws).main
        return (values * weights).sum() / weights.sum()

    def their_loss() -> Tensor:
        noise, flow_time = core.sample_noise(actions.shape, device), core.sample_time(batch, device)
        return core.forward(*as_lerobot(inputs), actions, noise, flow_time).mean()

    updates = {"ours": updates_of(ours, our_loss), "lerobot": updates_of(theirs, their_loss)}
    taken = in_turns(updates, rounds=10 if device.type == "cuda" else 3, device=device)
    core.gradient_checkpointing_disable()
    speeds = {f"training_{name}_samples_s": 1e3 * batch / float(np.median(ms)) for name, ms in taken.items()}
    ratio = speeds["training_ours_samples_s"] / speeds["training_lerobot_samples_s"]
    return speeds | {"training_batch": batch, "training_ratio": ratio, "training_updates": len(taken["ours"])}


def updates_of(network: Pi05Network, loss: Callable[[], Tensor]) -> Callable[[], None]:
    """An update of a network."""
    network.train()
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, 1e-5, fused=True)

    def update() -> None:
        optimizer.zero_grad()
        loss().backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    return update


def latencies(ours: Pi05Network, theirs: Pi05Network, device: torch.device, *, batches: Sequence[int]) -> Figures:
    """Milliseconds per batch of chunks."""
    ours.prepare_sampling(device)
    figures: Figures = {}
    for batch in batches:
        inputs, noise = make_inputs(batch, device), torch.randn(batch, *ours.noise_shape, device=device)
        seen = as_lerobot(inputs)

        def our_chunk(inputs: Inputs = inputs, noise: Tensor = noise) -> None:
            ours.sample(inputs, noise, STEPS)

        def their_chunk(seen: Any = seen, noise: Tensor = noise) -> None:
            theirs.model.sample_actions(*seen, noise=noise, num_steps=STEPS)

        rounds = (100 if batch == 1 else 20) if device.type == "cuda" else (5 if batch == 1 else 1)
        taken = in_turns({"ours": our_chunk, "lerobot": their_chunk}, rounds=rounds, device=device)
        for name, ms in taken.items():
            figures |= _spread(f"latency_{batch}_{name}", ms)
        figures[f"latency_{batch}_chunks"] = rounds
        figures[f"latency_{batch}_ratio"] = float(np.median(taken["lerobot"]) / np.median(taken["ours"]))
    return figures | {"sampling": {name: str(value) for name, value in ours.sampling_info.items()}}


def compact() -> Figures:
    """Milliseconds per chunk of the shipped compact policy on one core."""
    figures: Figures = {"compact_chunks": COMPACT_CHUNKS}
    for name, steps in {"default_steps": None, "10_steps": STEPS}.items():
        policy = load_policy(SHIPPED, euler_steps=steps)
        rng = np.random.default_rng(0)
        frames = {
            camera: CameraFrame(0, rng.integers(0, 256, (*policy.spec.image_size, 3), np.uint8))
            for camera in policy.spec.cameras
        }
        observation = Observation(0, np.zeros(DIMENSIONS, np.float32), frames, " ".join(policy.spec.vocabulary[:3]))
        cpu = torch.device("cpu")
        taken = in_turns({"compact": lambda: policy.chunk(observation)}, rounds=COMPACT_CHUNKS, device=cpu)  # noqa: B023
        figures |= _spread(f"compact_{name}", taken["compact"])
        figures[f"compact_{name}"] = policy.euler_steps
    return figures


def in_turns(calls: Mapping[str, Callable[[], Any]], *, rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Duration of each call of each function, ms; the first call is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            start_s = _now_s(device)
            call()
            if turn:
                taken[name].append(1e3 * (_now_s(device) - start_s))
    return taken


def show(figures: Figures) -> None:
    """Print all figures, and whether they reach their targets."""
    for name, value in figures.items():
        shown = f"{value:.4g}" if isinstance(value, float) else value
        print(f"{name:<36} {shown}{_verdict(name, value, figures['size'])}")


def _verdict(name: str, value: Any, size: str) -> str:
    if name not in TARGETS:
        return ""
    relation, target, only = TARGETS[name]
    if only not in (None, size):
        return f"   (target {relation} {target:g}, at the published size on an H200)"
    reached = value <= target if relation == "<=" else value >= target
    return f"   {'reaches' if reached else 'MISSES'} the target {relation} {target:g}"


def _spread(name: str, ms: Sequence[float]) -> Figures:
    return {f"{name}_median_ms": float(np.median(ms)), f"{name}_p99_ms": float(np.quantile(ms, 0.99))}


def _now_s(device: torch.device) -> float:
    if device.type != "cuda":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def _device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


if __name__ == "__main__":
    main()
