"""Small recordings in OpenHLM's exact format, and datasets for others; every number of a step names its step."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter

LEG = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
ARM = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_roll", "wrist_pitch", "wrist_yaw")
# As OpenHLM's converter comments on `state_body`: root, left leg, right leg, waist, left arm, right arm.
OPENHLM_BODY = (
    *("root_roll", "root_pitch", "root_yaw_rate"),
    *(f"left_{name}" for name in LEG),
    *(f"right_{name}" for name in LEG),
    *("waist_yaw", "waist_roll", "waist_pitch"),
    *(f"left_{name}" for name in ARM),
    *(f"right_{name}" for name in ARM),
)
START_MS = 1_760_000_000_000
SIZES = {"rgb_left": (40, 48), "rgb_right": (40, 48), "wrist_rgb_left": (48, 64), "wrist_rgb_right": (48, 64)}


def number(episode: int, step: int, sign: float = 1.0) -> dict[str, float]:
    """Value of each dimension by name."""
    value = 1000 * episode + step
    body = {name: sign * (0.01 * place + 1e-6 * value) for place, name in enumerate(OPENHLM_BODY)}
    return body | {"left_gripper": (step % 5) / 5, "right_gripper": (step % 3) / 3}


def brightness(step: int) -> int:
    """Of red; a codec's error is far less than the step from step to step."""
    return 20 + 12 * (step % 18)


class OpenHlm:
    """Makes recordings."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def steps(self, episode: int, steps: int, *, humi: bool = False) -> list[dict]:
        made = []
        for step in range(steps):
            state, action = number(episode, step), number(episode, step, -1.0)
            content = {"idx": step}
            for key in ("wrist_rgb_left", "wrist_rgb_right") if humi else SIZES:
                content[key] = {"video_path": f"videos/{key}.mp4", "frame_index": step}
            if not humi:
                due_ms = START_MS + 1_000_000 * episode + step * 100 // 3
                content |= {"t_img": due_ms, "t_wrist": due_ms + 1, "t_state": due_ms + 2, "t_action": due_ms + 3}
            for kind, values in (("state", state), ("action", action)):
                content[f"{kind}_body"] = [values[name] for name in OPENHLM_BODY]
                for side in ("left", "right"):
                    content[f"{kind}_hand_{side}"] = values[f"{side}_gripper"]
            made.append(content)
        return made

    def episode(self, number: int = 0, steps: int = 40, *, humi: bool = False, task: str = "pour", **changes) -> Path:
        """An episode's folder; `content` may replace its steps, `info` add to its information, `images` be fewer."""
        folder = self.root / task / f"episode_{number:04d}"
        (folder / "videos").mkdir(parents=True)
        content = changes.get("content") or self.steps(number, steps, humi=humi)
        sizes = {key: SIZES[key] for key in SIZES if any(step.get(key) for step in content)} | changes.get("sizes", {})
        for key, size in sizes.items():
            write_video(folder / "videos" / f"{key}.mp4", size, number, changes.get("images", steps))
        frames = {"width": 1, "height": 1, "channels": 3, "frames": steps}
        info = {
            "date": "2026-07-01",
            "video": {"format": "mp4", "codec": "mp4v", "fps": 30, "cameras": {key: frames for key in sizes}},
            "wrist_image": {"height": 48, "width": 64, "fps": 30},
        }
        if not humi:
            info |= {"version": "1.0.0", "author": "somebody", "image": {"height": 40, "width": 96, "fps": 30}}
        text = {"goal": f"pour {number}", "desc": f"pour {number}"}
        whole = {"info": info | changes.get("info", {}), "text": text, "data": content}
        (folder / "data.json").write_text(json.dumps(whole, indent=4), encoding="utf-8")
        return folder


def write_video(path: Path, size: tuple[int, int], episode: int, images: int) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, size[::-1])
    for step in range(images):
        image = np.empty((*size, 3), np.uint8)
        image[..., 0], image[..., 1], image[..., 2] = 10, 40 + 60 * (episode % 3), brightness(step)
        writer.write(image)
    writer.release()


@pytest.fixture
def openhlm(tmp_path) -> OpenHlm:
    return OpenHlm(tmp_path / "openhlm_demonstration")


CAMERAS = {"head": (64, 80), "right_wrist": (48, 64)}


class Demo:
    """Makes hlm datasets with smooth images, as video codecs like them."""

    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras=CAMERAS)

    def step(self, episode: int, step: int, **changes) -> Step:
        value = 1000 * episode + step
        return Step(
            **{
                "stamp_ns": 10**18 + value * 1_000_003,
                "state": np.float32(value) + np.arange(34) * np.float32(1e-3),
                "action": -np.float32(value) - np.arange(34) * np.float32(1e-3),
                "images": {camera: self.image(camera, episode, step) for camera in CAMERAS},
                "age_s": {"state": 0.0, "image_head": value * 1e-6},
                "privileged": {"goal_m": np.full(3, value), "pair": np.full((2, 3), value), "score": np.float32(value)},
            }
            | changes
        )

    def image(self, camera: str, episode: int, step: int) -> np.ndarray:
        height, width = CAMERAS[camera]
        ramp = np.linspace(0, 120, width)[None, :] + np.linspace(0, 60, height)[:, None] + 2 * (step % 30)
        return np.stack([ramp, np.full_like(ramp, 40 + 30 * episode), 200 - ramp / 2], axis=-1).astype(np.uint8)

    def info(self, episode: int) -> EpisodeInfo:
        extra = {"nested": {"a": [1, 2.5, None]}, "words": "grüßen"}
        return EpisodeInfo(
            instruction=f"do {episode // 2}",
            source="scripted",
            task="shelf",
            seed=100 + episode,
            operator="script",
            stage=episode,
            candidates=("do 0", "do 1"),
            candidate=episode // 2,
            scene=episode,
            stages=("reach", "grasp"),
            extra=extra,
        )

    def dataset(self, path: Path, lengths=(6, 9, 5), change=lambda episode, step, made: made, spec=spec) -> Path:
        """A dataset; `change(episode, step, Step)` may change or drop a step."""
        with DatasetWriter.open(path, spec) as writer:
            for length in lengths:
                episode = writer.episode(self.info(len(list(path.glob("episode_*[0-9]")))))
                for step in range(length):
                    made = change(episode.number, step, self.step(episode.number, step))
                    episode.append(made)
                episode.commit(outcome=("success", "failure")[episode.number % 2])
        return path


@pytest.fixture
def demo() -> Demo:
    return Demo()


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory):
    """Hugging Face's `datasets` keeps what it reads; not among the files of whoever runs the tests."""
    import datasets

    before = datasets.config.HF_DATASETS_CACHE
    datasets.config.HF_DATASETS_CACHE = tmp_path_factory.mktemp("hf")
    yield
    datasets.config.HF_DATASETS_CACHE = before
