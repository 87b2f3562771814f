"""SmolVLA: LeRobot's network, with noise and flow times of each sample's own and views that a sample may lack."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import torch
from lerobot.policies.common.vla_utils import make_att_2d_masks, resize_with_pad
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig as LeRobotConfig
from lerobot.policies.smolvla.modeling_smolvla import VLAFlowMatching
from torch import Tensor

from hlm.core.errors import InputError, MismatchError, MissingDependencyError
from hlm.policies.flow_matching import flow_times, mean_over_actions
from hlm.policies.guidance import continued
from hlm.policies.network import Batch, Draws, Inputs, Losses, Network, Prefix
from hlm.policies.pretrained.empty_network import fill_with_nan, without_weights
from hlm.policies.pretrained.hub import unreadable
from hlm.policies.pretrained.lerobot_config import input_features, output_features
from hlm.policies.smolvla.config import SmolVLAConfig
from hlm.policies.smolvla.tokenizer import InstructionTokenizer

if TYPE_CHECKING:
    from hlm.policies.encoding import Encoding

BLACK = -1.0


class SmolVLANetwork(Network):
    """SmolVLA; its weights have LeRobot's names.

    Without proprioception, the state's token is the same for every sample.
    """

    def __init__(self, config: LeRobotConfig) -> None:
        """Every weight is nan until `hlm.policies.smolvla.initialisation` or a file sets it.

        Args:
            config: LeRobot's configuration of the network.
        """
        super().__init__()
        self.config = config
        with contextlib.redirect_stdout(io.StringIO()), without_weights():  # LeRobot prints the number of layers
            self.model: Any = VLAFlowMatching(config).float()
        fill_with_nan(self.model)
        self.model.vlm_with_expert.vlm.tie_weights()
        self.noise_shape = (config.chunk_size, config.max_action_dim)

    def forward(self, batch: Batch, draws: Draws) -> Losses:
        """Mean squared error of the flow's velocity."""
        noise = draws.normal(*self.noise_shape)
        time = flow_times(draws.uniform())
        error = self.model(*self._observed(batch.inputs), batch.actions, noise, time).mean(-1)
        return Losses(mean_over_actions(error, batch.action_is_pad), {})

    def sample(self, inputs: Inputs, noise: Tensor, steps: int, prefix: Prefix | None = None) -> Tensor:
        """[batch, horizon, dimension] actions at the end of the flow, guided by the prefix if there is one."""
        # Guidance computes gradients, which inference mode would not allow.
        with torch.inference_mode(mode=False), torch.no_grad():
            context = self._observe(inputs)

            def velocity(noisy: Tensor, step: int) -> Tensor:
                time = torch.full((len(noisy),), 1.0 - step / steps, device=noisy.device)
                return self.model.denoise_step(*context, noisy, time)

            return continued(velocity, noise.clone(), steps, prefix)

    def _observe(self, inputs: Inputs) -> tuple[Tensor, Any]:
        """[batch, token] mask of the prefix, and the keys and values of all layers."""
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
        """Images and masks by view, tokens and their mask, and state, in the order that LeRobot's network takes."""
        # A missing view may hold anything, and nan times an attention of 0 would still be nan.
        images = inputs.images.where(inputs.available[:, :, None, None, None], BLACK)
        views = [self._resized(view) for view in images.unbind(1)]
        state = inputs.state
        if state is None:
            state = images.new_zeros(len(images), self.config.max_state_dim)
        return views, list(inputs.available.unbind(1)), inputs.tokens, inputs.token_mask, state

    def _resized(self, images: Tensor) -> Tensor:
        width, height = self.config.resize_imgs_with_padding
        return resize_with_pad(images, height, width, pad_value=BLACK)


def lerobot_config(config: SmolVLAConfig, encoding: Encoding) -> LeRobotConfig:
    """LeRobot's configuration of the network; the vision-language model's own is in the tokenizer's folder."""
    if not isinstance(encoding.text, InstructionTokenizer):
        raise TypeError(f"SmolVLA reads a language model's tokens, not {type(encoding.text).__name__}.")
    height, width = encoding.image_size if config.resize_px is None else (config.resize_px, config.resize_px)
    return LeRobotConfig(
        input_features=input_features(encoding),
        output_features=output_features(encoding),
        device="cpu",
        chunk_size=encoding.horizon,
        n_action_steps=encoding.horizon,
        max_state_dim=encoding.dimensions,
        max_action_dim=encoding.dimensions,
        resize_imgs_with_padding=(width, height),  # LeRobot puts the width first
        tokenizer_max_length=config.max_tokens,
        freeze_vision_encoder=config.freeze_vision_encoder,
        train_expert_only=config.train_expert_only,
        vlm_model_name=encoding.text.folder,
        load_vlm_weights=False,
        num_vlm_layers=config.vlm_layers,
        expert_width_multiplier=config.expert_width,
    )


def build(config: SmolVLAConfig, encoding: Encoding) -> SmolVLANetwork:
    """The network; every weight is nan until `initialise` or a checkpoint sets it.

    Args:
        config: sizes and frozen parts.
        encoding: shapes of inputs and outputs.

    Raises:
        MissingFileError: the vision-language model's configuration cannot be read.
        MissingDependencyError: a package of `hlm[pi]` is not installed.
        MismatchError: the vision-language model has fewer layers than `vlm_layers`.
        InputError: its vision encoder cannot take images of this size.
    """
    described = lerobot_config(config, encoding)
    try:
        network = SmolVLANetwork(described)
    except (OSError, ValueError) as error:
        raise unreadable(described.vlm_model_name, "vision-language model", error) from error
    except ImportError as error:
        raise MissingDependencyError(f"SmolVLA needs more packages ({error}): pip install 'hlm[pi]'.") from error
    _check_image_size(network)
    layers = network.model.vlm_with_expert.num_vlm_layers
    if layers != config.vlm_layers:
        raise MismatchError(f"{described.vlm_model_name} has {layers} layers; vlm_layers asks for {config.vlm_layers}.")
    return network


def _check_image_size(network: SmolVLANetwork) -> None:
    vlm = network.model.vlm_with_expert.config
    step_px = vlm.vision_config.patch_size * vlm.scale_factor
    width, height = network.config.resize_imgs_with_padding
    if height != width or height % step_px:
        raise InputError(
            f"{network.config.vlm_model_name} takes square images with sides that are multiples of {step_px} px, not "
            f"{height} x {width}. Set resize_px, or another image size."
        )
