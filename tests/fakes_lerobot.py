"""Networks of toy width, what they see, and a vision-language model in a folder."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from hlm.core.documents import to_document
from hlm.core.layout import DIMENSIONS
from hlm.core.values import CameraFrame, Observation
from hlm.datasets.statistics import Statistics, VectorStatistics
from hlm.policies.act.config import ActConfig
from hlm.policies.catalog import find_policy_type
from hlm.policies.checkpoint import Checkpoint, write_checkpoint
from hlm.policies.checkpoint_config import CheckpointConfig, Sampling
from hlm.policies.encoding import Encoding, EncodingConfig
from hlm.policies.network import Batch, Inputs
from hlm.policies.smolvla.config import SmolVLAConfig
from hlm.policies.smolvla.tokenizer import InstructionTokenizer
from hlm.policies.trained import load_policy
from hlm.policies.transforms.text import NoText

HORIZON = 8
SIDE = 32
SLOTS = 12
CAMERAS = ("head", "left_wrist", "right_wrist")
ACT = ActConfig(
    dim_model=16,
    heads=2,
    dim_feedforward=32,
    encoder_layers=1,
    decoder_layers=2,
    vae_encoder_layers=1,
    latent_dim=4,
    dropout=0.0,
)


class Streams:
    """Draws of samples by their numbers, each from a generator of its own; see `hlm.policies.network.Draws`."""

    def __init__(self, *samples):
        self.generators = [torch.Generator().manual_seed(1000 + sample) for sample in samples]

    def normal(self, *shape):
        return torch.stack([torch.randn(shape, generator=generator) for generator in self.generators])

    def uniform(self, *shape):
        return torch.stack([torch.rand(shape, generator=generator) for generator in self.generators])


def vector_statistics(seed, still=()):
    """Statistics of dimensions that all move, apart from those that are named."""
    rng = np.random.default_rng(seed)
    low, high = -rng.uniform(0.1, 1.0, DIMENSIONS), rng.uniform(0.1, 1.0, DIMENSIONS)
    for dimension in still:
        low[dimension] = high[dimension] - 0.001
    middle = 0.5 * (low + high)
    return VectorStatistics(q01=low, q99=high, mean=middle, std=(high - low) / 4, min=low - 0.1, max=high + 0.1)


def make_encoding(text=None, still=(), **changes):
    """The encoding of a toy policy."""
    chosen = {"cameras": CAMERAS, "recorded_sizes": ((SIDE, SIDE),), "image_size": (SIDE, SIDE), "horizon": HORIZON}
    config = EncodingConfig(**(chosen | changes))
    return Encoding.of(config, vector_statistics(1, still), vector_statistics(2, still), text or NoText())


def make_inputs(batch=4, slots=0, views=3, *, state=True, seed=0):
    """Random observations; every view is there."""
    draws = torch.Generator().manual_seed(seed)
    tokens = torch.randint(5, 200, (batch, slots), generator=draws)
    mask = torch.arange(slots).expand(batch, slots) < 4 + torch.arange(batch)[:, None] % 3
    return Inputs(
        images=2 * torch.rand((batch, views, 3, SIDE, SIDE), generator=draws) - 1,
        available=torch.ones(batch, views, dtype=torch.bool),
        state=2 * torch.rand((batch, DIMENSIONS), generator=draws) - 1 if state else None,
        tokens=tokens * mask,
        token_mask=mask,
    )


def make_batch(inputs, seed=0):
    """Smooth actions; the second sample is near its episode's end."""
    batch = len(inputs.images)
    draws = torch.Generator().manual_seed(seed)
    ends = 2 * torch.rand((2, batch, 1, DIMENSIONS), generator=draws) - 1
    actions = torch.lerp(ends[0], ends[1], torch.linspace(0, 1, HORIZON)[:, None])
    action_is_pad = torch.zeros(batch, HORIZON, dtype=torch.bool)
    action_is_pad[1, 3:] = True
    return Batch(inputs, actions, action_is_pad, {})


def rows(value, *numbers):
    """Some samples of a nested tuple of tensors."""
    if isinstance(value, torch.Tensor):
        return value[list(numbers)]
    if isinstance(value, tuple):
        return type(value)(*(rows(item, *numbers) for item in value))
    return value


def save_vlm(folder, layers=3):
    """A SmolVLM of toy width in a folder, with tokenizer and weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import (
        PreTrainedTokenizerFast,
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
    )
    from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor

    special = {
        "fake_image_token": "<fake_token_around_image>",
        "image_token": "<image>",
        "global_image_token": "<global-img>",
        "end_of_utterance_token": "<end_of_utterance>",
    }
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>", *special.values()],
        show_progress=False,
    )
    bytes_in_pairs = Tokenizer(models.BPE())
    bytes_in_pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_in_pairs.train_from_iterator(["put the red cup on the high shelf\n"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_in_pairs,
        pad_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        extra_special_tokens=special,
    )
    processor = SmolVLMProcessor(SmolVLMImageProcessor(), tokenizer, SmolVLMVideoProcessor(), image_seq_len=4)
    processor.save_pretrained(folder)
    config = SmolVLMConfig(
        text_config={
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": layers,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "pad_token_id": 0,
        },
        vision_config={
            "model_type": "smolvlm_vision",
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 8,
        },
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=0,
    )
    SmolVLMForConditionalGeneration(config).save_pretrained(folder)
    return folder


class NarrowResNet(ResNet):
    """A ResNet of an eighth of the width: eleven million weights would be most of what the tests wait for."""

    def __init__(self, *, weights=None, **options):
        assert weights is None
        super().__init__(BasicBlock, [1, 1, 1, 1], **options)
        self.fc = nn.Linear(self.inplanes, 1000)

    def _make_layer(self, block, planes, *rest, **options):
        return super()._make_layer(block, planes // 8, *rest, **options)


@pytest.fixture(scope="session", autouse=True)
def narrow_backbone():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torchvision.models, "resnet18", NarrowResNet)
        yield


@pytest.fixture(scope="session")
def vlm(tmp_path_factory):
    return save_vlm(tmp_path_factory.mktemp("vlm"))


@pytest.fixture(scope="session")
def smolvla_config(vlm):
    return SmolVLAConfig(
        vlm=str(vlm), pretrained=None, load_vlm_weights=False, vlm_layers=2, resize_px=None, max_tokens=SLOTS
    )


@pytest.fixture(scope="session")
def words(vlm):
    return InstructionTokenizer.load(str(vlm), SLOTS)


def stir(weights):
    """Random weights everywhere: those that are zero when drawn would hide what flows through them."""
    draws = torch.Generator().manual_seed(9)
    return {
        name: (0.15 * torch.randn(weight.shape, generator=draws)).to(weight.dtype) for name, weight in weights.items()
    }


def write(folder, kind, config, *, still=(), stirred=False, **changes):
    """A checkpoint of random weights in a folder, as training writes it."""
    text = find_policy_type(kind).new_text(config, ())
    encoding = make_encoding(text, still, **changes)
    torch.manual_seed(0)
    network = find_policy_type(kind).build(config, encoding)
    if kind == "smolvla":
        find_policy_type(kind).initialise(network, config)
    weights = network.state_dict()
    checkpoint = Checkpoint(
        config=CheckpointConfig(
            policy=kind,
            embodiment="unitree_g1",
            rate_hz=30.0,
            encoding=encoding.config,
            policy_config=to_document(config),
            sampling=Sampling(euler_steps=3, execution_horizon=5),
        ),
        statistics=Statistics(steps=10, state=vector_statistics(1, still), action=vector_statistics(2, still)),
        text=text,
        weights=stir(weights) if stirred else weights,
        step=7,
    )
    write_checkpoint(folder, checkpoint, None, "# toy")
    return folder


def observe(cameras=CAMERAS, side=SIDE, seed=0, reach=0.3, instruction="put the red cup on the high shelf"):
    """A live observation."""
    rng = np.random.default_rng(seed)
    frames = {name: CameraFrame(0, rng.integers(0, 256, (side, side, 3), dtype=np.uint8)) for name in cameras}
    return Observation(0, rng.uniform(-reach, reach, DIMENSIONS).astype(np.float32), frames, instruction)


def both(path, folder, observation, seed=3):
    """[time, 34] actions of hlm's policy and of LeRobot's for an observation, of the same noise."""
    ours = load_policy(path, seed=seed)
    theirs, before, after, batch = lerobot_policy(folder, observation)
    noise = torch.randn((1, ours.spec.horizon, DIMENSIONS), generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        chunk = theirs.predict_action_chunk(before(batch), **({} if theirs.name == "act" else {"noise": noise}))
    return ours.chunk(observation).actions, after(chunk)[0].numpy()


def lerobot_policy(folder, observation):
    """LeRobot's policy, pre- and postprocessor in a folder, by the calls of `lerobot-rollout`, and what it sees."""
    from lerobot.configs import PreTrainedConfig
    from lerobot.policies import get_policy_class, make_pre_post_processors
    from lerobot.policies.utils import prepare_observation_for_inference

    config = PreTrainedConfig.from_pretrained(folder)
    config.pretrained_path = folder
    policy = get_policy_class(config.type).from_pretrained(folder, config=config)
    overrides = {"device_processor": {"device": "cpu"}, "rename_observations_processor": {"rename_map": {}}}
    before, after = make_pre_post_processors(
        policy_cfg=config, pretrained_path=str(folder), preprocessor_overrides=overrides
    )
    batch = prepare_observation_for_inference(
        lerobot_frame(observation), torch.device("cpu"), observation.instruction, "unitree_g1"
    )
    return policy, before, after, batch


def lerobot_frame(observation):
    """What a robot of LeRobot's would observe."""
    frames = {f"observation.images.{name}": frame.image.copy() for name, frame in observation.frames.items()}
    return {"observation.state": np.float32(observation.state), **frames}


@pytest.fixture(scope="session")
def toy():
    """The helpers above, for tests to call."""
    return SimpleNamespace(
        act=ACT,
        batch=make_batch,
        both=both,
        cameras=CAMERAS,
        encoding=make_encoding,
        horizon=HORIZON,
        inputs=make_inputs,
        lerobot_frame=lerobot_frame,
        lerobot_policy=lerobot_policy,
        observe=observe,
        rows=rows,
        save_vlm=save_vlm,
        slots=SLOTS,
        streams=Streams,
        write=write,
    )
