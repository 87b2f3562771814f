"""`hlm data view` and `hlm data plot`: show an episode."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from hlm.cli.arguments import Positional, parse
from hlm.cli.progress import waiting
from hlm.cli.tables import console
from hlm.core.errors import HlmError, InputError

if TYPE_CHECKING:
    from hlm.datasets.reader import Dataset, Episode
    from hlm.datasets.view import Part

LOCALHOST = "127.0.0.1"
# Rerun's own defaults, so that a tunnel from another machine can be set up without looking them up.
WEB_PORT, DATA_PORT = 9090, 9876


class ViewerError(HlmError):
    """The viewer failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewArguments:
    """Show an episode in a window: its images, the body, and curves of state (thick) and action (thin, pale).

    Attributes:
        path: path of the dataset.
        episode: number of the episode; the first by default.
        web: serve it to a browser on this machine instead, until Ctrl+C.
        save: write an .rrd file for `rerun FILE` instead.
    """

    path: Positional[Path]
    episode: int | None = None
    web: bool = False
    save: Path | None = None

    def __post_init__(self) -> None:
        """Check what needs no dataset."""
        if self.save is not None and (self.web or self.save.suffix != ".rrd"):
            raise InputError("--save needs a file name that ends with .rrd, and cannot be combined with --web.")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlotArguments:
    """Plot an episode into a PNG file: some images of each camera, and all curves of state and action.

    Attributes:
        path: path of the dataset.
        save: PNG file to write.
        episode: number of the episode; the first by default.
    """

    path: Positional[Path]
    save: Path
    episode: int | None = None


def view(arguments: Sequence[str]) -> int:
    """Show an episode, or save it for the viewer."""
    config = parse(ViewArguments, "hlm data view", arguments)
    if config.save is None and not config.web:
        _check_display(os.environ)
    from hlm.datasets.view import save_recording

    dataset, episode = _episode(config.path, config.episode)
    with tempfile.TemporaryDirectory(prefix="hlm_view_") as folder:
        file = config.save or Path(folder) / "episode.rrd"
        with waiting(f"preparing episode {episode.number}"):
            save_recording(file, episode, _body(dataset, episode))
        if config.save is None:
            _show(file, web=config.web)
        else:
            console().out(f"saved {file}; show it with: rerun {file}")
    return 0


def plot(arguments: Sequence[str]) -> int:
    """Plot an episode."""
    config = parse(PlotArguments, "hlm data plot", arguments)
    if config.save.suffix.lower() != ".png":
        raise InputError(f"--save needs a file name that ends with .png, got {config.save}.")
    from hlm.datasets.sheet import save_sheet

    _, episode = _episode(config.path, config.episode)
    with waiting(f"plotting episode {episode.number}"):
        save_sheet(config.save, episode)
    console().out(f"saved {config.save}")
    return 0


def _episode(path: Path, number: int | None) -> tuple[Dataset, Episode]:
    from hlm.datasets.reader import open_dataset
    from hlm.datasets.selection import chosen_episodes

    dataset = open_dataset(path)
    if number is not None and number < 0:
        raise InputError(f"episodes are numbered from 0, got --episode {number}.")
    if number is None:
        return dataset, dataset.episodes[0]
    return dataset, chosen_episodes(dataset, [str(number)])[0]


def _body(dataset: Dataset, episode: Episode) -> list[Part]:
    from hlm.cli.body import body_parts
    from hlm.core.embodiments.catalog import EMBODIMENTS

    embodiment = EMBODIMENTS.get(dataset.spec.embodiment)
    if embodiment is None:
        console().out(f"embodiment '{dataset.spec.embodiment}' is unknown; its body is not shown")
        return []
    return body_parts(embodiment, episode)


def _show(file: Path, *, web: bool) -> None:
    """Run Rerun's viewer until it is closed, reachable from this machine only."""
    command = [sys.executable, "-m", "rerun_cli", str(file), "--bind", LOCALHOST]
    if web:
        web_port, data_port = _free(WEB_PORT), _free(DATA_PORT)
        command += ["--serve-web", "--web-viewer-port", str(web_port), "--port", str(data_port)]
        data = quote(f"rerun+http://{LOCALHOST}:{data_port}/proxy", safe="")
        console().out(f"open http://{LOCALHOST}:{web_port}?url={data}")
        tunnels = " ".join(f"-L {port}:{LOCALHOST}:{port}" for port in (web_port, data_port))
        console().out(f"from another machine first: ssh {tunnels} HOST")
    else:
        command += ["--port", "auto"]
    try:
        code = subprocess.call(command, env={"RUST_LOG": "error", **os.environ})
    except KeyboardInterrupt:
        return
    if code:
        raise ViewerError(f"Rerun's viewer ended with exit code {code}. Try --web, or --save FILE.rrd.")


def _free(port: int) -> int:
    """This port, or another one if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            probe.bind((LOCALHOST, 0))
        found: int = probe.getsockname()[1]
        return found


def _check_display(environment: Mapping[str, str]) -> None:
    if sys.platform == "linux" and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise InputError("no display to open a window on. Use --web, --save FILE.rrd, or `hlm data plot`.")
