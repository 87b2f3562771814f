"""SmolVLA: LeRobot's network, with noise and flow times of each sample's own and views that a sample may lack."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import torch
from lerobot.policies.common.vla_utils import make_att_2d_masks, resize_with_pad
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig as LeRobotConfig
from lerobot.policies.smolvla.modeling_smolvla import VLAFlowMatching
from torch import Tensor, nn

from hlm.core.errors import InputError, MismatchError, MissingDependencyError
from hlm.core.serialization import read_json
from hlm.policies.flow_matching import flow_times, mean_over_actions
from hlm.policies.hub import WEIGHTS, model_folder
from hlm.policies.lerobot.features import input_features, output_features
from hlm.policies.lerobot.fixed import check_fixed
from hlm.policies.lerobot.loading import load_tensors, not_found, read_tensors
from hlm.policies.network import Batch, Draws, Inputs, LoadReport, Losses, Prefix
from hlm.policies.pi05.guidance import continued
from hlm.policies.pi05.pretrained import CONFIG_FILE, locate
from hlm.policies.smolvla.config import SmolVLAConfig
from hlm.policies.smolvla.tokenizer import InstructionTokenizer

if TYPE_CHECKING:
    from hlm.policies.encoding import Encoding

BLACK = -1.0
VLM = "model.vlm_with_expert.vlm."
# Tensors whose size follows from the number of dimensions; the pretrained policy has 32.
GROWING = tuple(
    f"model.{name}"
    for name in ("state_proj.weight", "action_in_proj.weight", "action_out_proj.weight", "action_out_proj.bias")
)
OLD_NORMALISATION = ("normalize_inputs.*", "normalize_targets.*", "unnormalize_outputs.*")


class SmolVLANetwork(nn.Module):
    """SmolVLA as a `Network`; its weights have LeRobot's names.

    Without proprioception the token of the state is the same for every sample.
    """

    def __init__(self, config: LeRobotConfig) -> None:
        """Random weights.

        Args:
            config: LeRobot's description of the network.
        """
        super().__init__()
        self.config = config
        with contextlib.redirect_stdout(io.StringIO()):  # LeRobot prints how many layers it takes
            self.model: Any = VLAFlowMatching(config).float()
        self.noise_shape = (config.chunk_size, config.max_action_dim)

    def forward(self, batch: Batch, draws: Draws) -> Losses:
        """Mean squared error of the flow's velocity."""
        noise = draws.normal(*self.noise_shape)
        time = flow_times(draws.uniform())
        error = self.model(*self._observed(batch.inputs), batch.actions, noise, time).mean(-1)
        return Losses(mean_over_actions(error, batch.action_is_pad), {})

    def sample(self, inputs: Inputs, noise: Tensor, steps: int, prefix: Prefix | None = None) -> Tensor:
        """[batch, horizon, dimension] actions that the flow leads to from the noise; a prefix guides it."""
        # Guidance makes gradients, which inference mode would not allow.
        with torch.inference_mode(mode=False), torch.no_grad():
            context = self._observe(inputs)

            def velocity(noisy: Tensor, step: int) -> Tensor:
                time = torch.full((len(noisy),), 1.0 - step / steps, device=noisy.device)
                return self.model.denoise_step(*context, noisy, time)

            return continued(velocity, noise.clone(), steps, prefix)

    def _observe(self, inputs: Inputs) -> tuple[Tensor, Any]:
        """[batch, token] where there is anything to attend to, and the keys and values of all layers."""
        embedded, mask, attention = self.model.embed_prefix(*self._observed(inputs))
        _, cache = self.model.vlm_with_expert.forward(
            attention_mask=make_att_2d_masks(mask, attention),
            position_ids=torch.cumsum(mask, 1) - 1,
            past_key_values=None,
            inputs_embeds=[embedded, None],
            use_cache=True,
        )
        return mask, cache

    def _observed(self, inputs: Inputs) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor, Tensor]:
        """Pictures and masks by view, tokens and their mask, and state, as LeRobot's network takes them."""
        # What an absent view holds may be anything, and nan times an attention of 0 would still be nan.
        pictures = inputs.images.where(inputs.available[:, :, None, None, None], BLACK)
        views = [self._resized(view) for view in pictures.unbind(1)]
        state = inputs.state
        if state is None:
            state = pictures.new_zeros(len(pictures), self.config.max_state_dim)
        return views, list(inputs.available.unbind(1)), inputs.tokens, inputs.token_mask, state

    def _resized(self, pictures: Tensor) -> Tensor:
        width, height = self.config.resize_imgs_with_padding
        return resize_with_pad(pictures, height, width, pad_value=BLACK)


def smolvla_config(settings: SmolVLAConfig, encoding: Encoding) -> LeRobotConfig:
    """LeRobot's description of the network, which stands beside the tokenizer."""
    if not isinstance(encoding.text, InstructionTokenizer):
        raise TypeError(f"SmolVLA reads a language model's tokens, not {type(encoding.text).__name__}.")
    height, width = encoding.image_size if settings.resize_px is None else (settings.resize_px, settings.resize_px)
    return LeRobotConfig(
        input_features=input_features(encoding),
        output_features=output_features(encoding),
        device="cpu",
        chunk_size=encoding.horizon,
        n_action_steps=encoding.horizon,
        max_state_dim=encoding.dimensions,
        max_action_dim=encoding.dimensions,
        resize_imgs_with_padding=(width, height),  # LeRobot has the width first
        tokenizer_max_length=settings.max_tokens,
        freeze_vision_encoder=settings.freeze_vision_encoder,
        train_expert_only=settings.train_expert_only,
        vlm_model_name=encoding.text.source,
        load_vlm_weights=False,
        num_vlm_layers=settings.vlm_layers,
        expert_width_multiplier=settings.expert_width,
    )


def build(settings: SmolVLAConfig, encoding: Encoding) -> SmolVLANetwork:
    """The network with random weights.

    Args:
        settings: its sizes.
        encoding: shapes of what it sees and gives.

    Raises:
        MissingFileError: the vision-language model is not to be had, not even its shape.
        MissingDependencyError: a package of `hlm[pi]` is not installed.
        MismatchError: it has fewer layers than are asked for.
        InputError: its vision encoder cannot see pictures of this size.
    """
    config = smolvla_config(settings, encoding)
    try:
        network = SmolVLANetwork(config)
    except (OSError, ValueError) as error:
        raise not_found(config.vlm_model_name, "vision-language model", error) from error
    except ImportError as error:
        raise MissingDependencyError(f"SmolVLA needs more packages ({error}): pip install 'hlm[pi]'.") from error
    _check_pictures(network)
    layers = network.model.vlm_with_expert.num_vlm_layers
    if layers != settings.vlm_layers:
        raise MismatchError(f"{config.vlm_model_name} has {layers} layers; vlm_layers asks for {settings.vlm_layers}.")
    return network


def _check_pictures(network: SmolVLANetwork) -> None:
    vlm = network.model.vlm_with_expert.config
    step_px = vlm.vision_config.patch_size * vlm.scale_factor
    width, height = network.config.resize_imgs_with_padding
    if height != width or height % step_px:
        raise InputError(
            f"{network.config.vlm_model_name} sees squares whose sides are multiples of {step_px} px, not {height} x "
            f"{width}. Set resize_px, or another image size."
        )


def initialise(network: SmolVLANetwork, settings: SmolVLAConfig) -> LoadReport:
    """Load what the settings say to start from.

    Raises:
        MissingFileError: it is not there.
        CorruptError: it is damaged.
        MismatchError: it belongs to another network.
    """
    if settings.pretrained is not None:
        return _load_policy(network, settings.pretrained)
    if settings.load_vlm_weights:
        return _load_vlm(network, settings.vlm)
    return load_tensors(network, {}, "nothing", drawn={"*": "nothing to start from was asked for"})


def _load_policy(network: SmolVLANetwork, source: str) -> LoadReport:
    folder = locate(source)
    check_fixed("smolvla", read_json(folder / CONFIG_FILE), source)
    return load_tensors(
        network,
        read_tensors(folder),
        source,
        growing=GROWING,
        ignored=dict.fromkeys(OLD_NORMALISATION, "normalisation of the data that it was trained on"),
    )


def _load_vlm(network: SmolVLANetwork, source: str) -> LoadReport:
    from transformers import AutoModelForImageTextToText
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        folder = model_folder(source, "a vision-language model", WEIGHTS)
        loaded: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    except (OSError, ValueError) as error:
        raise not_found(source, "vision-language model", error) from error
    finally:
        if shown:
            logging.enable_progress_bar()
    vlm, found = loaded
    if lacking := sorted(found["missing_keys"]):
        raise MismatchError(f"the weights of {source} are not whole: {len(lacking)} missing ({lacking[0]}, ...).")
    layers = range(network.model.vlm_with_expert.num_vlm_layers, vlm.config.text_config.num_hidden_layers)
    own = network.state_dict()
    return load_tensors(
        network,
        {f"{VLM}{name}": tensor for name, tensor in vlm.state_dict().items()},
        source,
        drawn={name: "no part of the vision-language model" for name in own if not name.startswith(VLM)},
        ignored={f"{VLM}model.text_model.layers.{layer}.*": "layer beyond those that are used" for layer in layers},
    )
