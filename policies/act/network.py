"""Action Chunking Transformer: LeRobot's layers, with a mask for views that a sample lacks.

LeRobot's own forward pass takes every view of every sample as real, and draws the latent variable from torch's global
generator. This one masks the tokens of missing views in every attention, and draws per sample; with all views, both
give the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from einops import rearrange
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACT
from torch import Tensor
from torch.nn import functional

from hlm.core.errors import MismatchError, MissingFileError
from hlm.policies.act.config import ActConfig
from hlm.policies.flow_matching import mean_over_actions
from hlm.policies.load_report import LoadReport
from hlm.policies.network import Batch, Draws, Inputs, Losses, Network, Prefix, Term
from hlm.policies.pretrained.lerobot_config import input_features, output_features
from hlm.policies.pretrained.loading import load_tensors, random_report

if TYPE_CHECKING:
    from hlm.policies.encoding import Encoding

# Mean and standard deviation of each colour over ImageNet, 0 to 1, as for torchvision's weights and LeRobot's default.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
BACKBONE = "model.backbone."


class _Tokens(NamedTuple):
    """Tokens that the decoder attends to.

    Attributes:
        values: [token, batch, feature].
        position: [token, 1, feature].
        ignored: [batch, token] bool, True for tokens of missing views.
    """

    values: Tensor
    position: Tensor
    ignored: Tensor


class ActNetwork(Network):
    """ACT; its weights have LeRobot's names."""

    noise_shape = (0,)
    continues_chunks = False
    active: Tensor
    image_scale: Tensor
    image_shift: Tensor

    def __init__(self, config: ACTConfig, active: Tensor) -> None:
        """Random weights.

        Args:
            config: LeRobot's configuration of the network.
            active: [dimension] bool, True where actions move.
        """
        super().__init__()
        self.config = config
        self.model: Any = ACT(config)
        mean, std = torch.tensor(IMAGENET_MEAN).view(3, 1, 1), torch.tensor(IMAGENET_STD).view(3, 1, 1)
        self.register_buffer("image_scale", 0.5 / std, persistent=False)
        self.register_buffer("image_shift", (0.5 - mean) / std, persistent=False)
        self.register_buffer("active", active.float(), persistent=False)

    def forward(self, batch: Batch, draws: Draws) -> Losses:
        """Mean absolute error of the actions; in training also the KL divergence of the latent variable, as `kl`."""
        others = {}
        if self.config.use_vae and self.training:
            mean, log_variance = self._posterior(batch)
            latent = mean + (0.5 * log_variance).exp() * draws.normal(self.config.latent_dim)
            divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(-1)
            others["kl"] = Term(divergence.float(), torch.ones_like(divergence.float()), self.config.kl_weight)
        else:
            latent = self._no_latent(batch.inputs)
        error = (self._decode(self._encode(batch.inputs, latent)).float() - batch.actions).abs()
        per_step = (error * self.active).sum(-1) / self.active.sum().clamp(min=1)
        return Losses(mean_over_actions(per_step, batch.action_is_pad), others)

    def sample(self, inputs: Inputs, noise: Tensor, steps: int, prefix: Prefix | None = None) -> Tensor:
        """[batch, horizon, dimension] actions, a function of the inputs alone: noise and steps are ignored.

        Raises:
            MismatchError: a prefix is given.
        """
        if prefix is not None:
            raise MismatchError("ACT cannot continue a chunk; ask it without a prefix.")
        return self._decode(self._encode(inputs, self._no_latent(inputs))).float()

    def _no_latent(self, inputs: Inputs) -> Tensor:
        return inputs.images.new_zeros(len(inputs.images), self.config.latent_dim)

    def _posterior(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """[batch, latent] mean and log variance of the latent variable, given state and demonstrated actions."""
        model, state = self.model, batch.inputs.state
        tokens = [model.vae_encoder_cls_embed.weight.expand(len(batch.actions), 1, -1)]
        if state is not None:
            tokens.append(model.vae_encoder_robot_state_input_proj(state)[:, None])
        tokens.append(model.vae_encoder_action_input_proj(batch.actions))
        joined = torch.cat(tokens, 1)
        summary = model.vae_encoder(
            joined.transpose(0, 1),
            pos_embed=model.vae_encoder_pos_enc.transpose(0, 1),
            key_padding_mask=functional.pad(batch.action_is_pad, (len(tokens) - 1, 0), value=False),
        )[0]
        mean, log_variance = model.vae_encoder_latent_output_proj(summary).chunk(2, -1)
        return mean, log_variance

    def _encode(self, inputs: Inputs, latent: Tensor) -> _Tokens:
        """Tokens of latent variable, state and images after the encoder."""
        model = self.model
        tokens = [model.encoder_latent_input_proj(latent)]
        if inputs.state is not None:
            tokens.append(model.encoder_robot_state_input_proj(inputs.state))
        places, place = self._image_tokens(inputs)
        views = inputs.available.shape[1]
        values = torch.cat([torch.stack(tokens), places])
        position = torch.cat([model.encoder_1d_feature_pos_embed.weight[:, None], place.repeat(views, 1, 1)])
        ignored = (~inputs.available).repeat_interleave(len(place), 1)
        ignored = functional.pad(ignored, (len(tokens), 0), value=False)
        return _Tokens(model.encoder(values, pos_embed=position, key_padding_mask=ignored), position, ignored)

    def _image_tokens(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """[view * place, batch, feature] image tokens, and [place, 1, feature] their position embedding."""
        # A missing view may hold anything, and nan times an attention of 0 would still be nan.
        images = inputs.images.where(inputs.available[:, :, None, None, None], 0.0)
        images = rearrange(images * self.image_scale + self.image_shift, "batch view c h w -> (batch view) c h w")
        maps = self.model.backbone(images)["feature_map"]
        position = self.model.encoder_cam_feat_pos_embed(maps).to(maps.dtype)
        projected = self.model.encoder_img_feat_input_proj(maps)
        tokens = rearrange(
            projected, "(batch view) feature h w -> (view h w) batch feature", view=inputs.images.shape[1]
        )
        return tokens, rearrange(position, "one feature h w -> (h w) one feature")

    def _decode(self, memory: _Tokens) -> Tensor:
        """[batch, horizon, dimension] actions, by LeRobot's decoder layers, whose own forward pass has no mask."""
        position = self.model.decoder_pos_embed.weight[:, None]
        x = torch.zeros_like(position).expand(-1, memory.values.shape[1], -1)
        keys = memory.values + memory.position
        for layer in self.model.decoder.layers:
            query = x + position
            x = layer.norm1(x + layer.dropout1(layer.self_attn(query, query, x, need_weights=False)[0]))
            seen = layer.multihead_attn(
                x + position, keys, memory.values, key_padding_mask=memory.ignored, need_weights=False
            )[0]
            x = layer.norm2(x + layer.dropout2(seen))
            x = layer.norm3(x + layer.dropout3(layer.linear2(layer.dropout(layer.activation(layer.linear1(x))))))
        return self.model.action_head(self.model.decoder.norm(x).transpose(0, 1))


def lerobot_config(config: ActConfig, encoding: Encoding) -> ACTConfig:
    """LeRobot's configuration of the network."""
    return ACTConfig(
        input_features=input_features(encoding),
        output_features=output_features(encoding),
        device="cpu",
        chunk_size=encoding.horizon,
        n_action_steps=encoding.horizon,
        vision_backbone=config.backbone,
        pretrained_backbone_weights=None,
        dim_model=config.dim_model,
        n_heads=config.heads,
        dim_feedforward=config.dim_feedforward,
        n_encoder_layers=config.encoder_layers,
        n_decoder_layers=config.decoder_layers,
        use_vae=config.use_vae,
        latent_dim=config.latent_dim,
        n_vae_encoder_layers=config.vae_encoder_layers,
        dropout=config.dropout,
        kl_weight=config.kl_weight,
    )


def build(config: ActConfig, encoding: Encoding) -> ActNetwork:
    """The network with random weights.

    Args:
        config: sizes of the layers.
        encoding: shapes of inputs and outputs.
    """
    return ActNetwork(lerobot_config(config, encoding), torch.from_numpy(encoding.action_active.copy()))


def initialise(network: ActNetwork, config: ActConfig) -> LoadReport:
    """Load the backbone's weights if the config names some.

    Raises:
        MissingFileError: they are not on this machine and cannot be fetched.
    """
    if config.weights is None:
        return random_report(network)
    from torchvision.models import get_model_weights

    weights = get_model_weights(config.backbone)["IMAGENET1K_V1"]
    try:
        found = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: the file's hash is not the one in its name
        raise MissingFileError(f"torchvision's weights {weights.url} cannot be fetched: {error}.") from error
    return load_tensors(
        network,
        {f"{BACKBONE}{name}": tensor for name, tensor in found.items()},
        f"torchvision's {weights}",
        drawn={name: "not part of the backbone" for name in network.state_dict() if not name.startswith(BACKBONE)},
        ignored={
            f"{BACKBONE}fc.*": "classification head",
            f"{BACKBONE}*.num_batches_tracked": "batch norms are frozen",
        },
    )
