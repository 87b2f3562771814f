import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hlm.cli.main import main
from hlm.cli.policy_specs import policy_spec
from hlm.cli.sources import LocalPolicy, ServedPolicy, open_policy
from hlm.core.errors import LostError
from hlm.core.layout import DIMENSIONS
from hlm.core.values import CameraFrame, Observation
from hlm.policies.serving.client import PolicyClient
from hlm.policies.serving.errors import RefusedError
from hlm.policies.serving.metadata import Needs
from hlm.policies.trained import load_policy

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "policies" / "shipped" / "shelf_cup_transfer"
KEY = "a-key-that-nobody-guesses"
STARTED = re.compile(r"serving .* at (ws://127\.0\.0\.1:(\d+))\n")
STOCK_CLIENT = """
import sys
import numpy as np
from openpi_client.websocket_client_policy import WebsocketClientPolicy

client = WebsocketClientPolicy("127.0.0.1", int(sys.argv[1]), api_key=sys.argv[2])
assert client.get_server_metadata()["cameras"] == ["head", "right_wrist"]
arrays = np.load(sys.argv[3])
request = {
    "observation/head_image_left": arrays["picture"],
    "observation/left_wrist_image": np.zeros((224, 224, 3), np.uint8),
    "observation/right_wrist_image": arrays["picture"],
    "observation/state": arrays["state"],
    "prompt": "put the red cup on the high shelf",
}
result = client.infer(request)
assert result["policy_timing"]["infer_ms"] > 0.0, result
try:
    client.infer(request | {"prompt": "dance"})
except RuntimeError as error:
    assert "does not know 'dance'" in str(error), error
else:
    raise AssertionError("an unknown word was taken")
again = client.infer(request | {"observation/last_action": result["actions"][24]})
assert again["server_timing"]["prev_total_ms"] > 0.0, again
np.save(sys.argv[4], result["actions"])
large = np.full((224, 224, 3), 90, np.uint8)
tall = large.transpose(2, 0, 1)
same = [
    {"observation/image": large, "observation/wrist_image": large, "observation/state": arrays["state"]},
    {"images": {"cam_high": tall, "cam_right_wrist": tall}, "state": arrays["state"]},
    {"images": dict.fromkeys(["cam_high", "cam_right_wrist"], tall / np.float32(255)), "state": arrays["state"]},
]
chunks = [client.infer(each | {"prompt": request["prompt"], "seed": 3})["actions"] for each in same]
assert chunks[0].shape == (50, 34), chunks[0].shape
assert all(np.array_equal(chunk, chunks[0]) for chunk in chunks)
"""


@contextmanager
def serving(*arguments, **environment):
    """A `hlm serve` of its own on the shipped checkpoint: the process and its port."""
    command = [
        sys.executable,
        "-m",
        "hlm.cli.main",
        "serve",
        str(SHIPPED),
        "--port",
        "0",
        "--device",
        "cpu",
        *arguments,
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    with process:
        try:
            line = process.stdout.readline()
            started = STARTED.fullmatch(line)
            assert started, line + process.stderr.read()
            yield process, int(started[2])
        finally:
            process.kill()


def observation(size=(128, 128), instruction="put the red cup on the high shelf", state=None):
    state = np.linspace(-0.2, 0.2, DIMENSIONS) if state is None else state
    image = np.random.default_rng(0).integers(1, 255, (*size, 3), dtype=np.uint8)
    frames = {name: CameraFrame(5, image) for name in ("head", "right_wrist")}
    return Observation(5, state, frames, instruction)


@pytest.fixture(scope="module")
def served():
    """The port of a server with a key. SIGTERM ends it as if it were done."""
    with serving(HLM_API_KEY=KEY) as (process, port):
        yield port
        process.terminate()
        _, complaint = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "Traceback" not in complaint


@pytest.fixture
def client(served):
    needs = Needs(embodiment="unitree_g1", cameras=("head", "left_wrist", "right_wrist"), horizon=25)
    with PolicyClient(f"ws://127.0.0.1:{served}", api_key=KEY, timeout_s=10.0, needs=needs) as connected:
        yield connected


def local_chunk():
    return load_policy(SHIPPED).chunk(observation()).actions.astype(np.float32)


def test_client_has_the_policys_spec(client):
    assert client.spec == load_policy(SHIPPED).spec


def test_another_policy_than_the_wanted_one_is_not_asked(served, monkeypatch):
    """A worker that starts late, when the server was restarted with other weights."""
    monkeypatch.setenv("HLM_API_KEY", KEY)
    wanted = ServedPolicy(url=f"ws://127.0.0.1:{served}", digest=load_policy(SHIPPED).spec.digest)
    assert policy_spec(wanted).digest == wanted.digest
    with pytest.raises(LostError, match="has been replaced"), open_policy(replace(wanted, digest="0" * 64)):
        pass


def test_same_seed_gives_the_same_chunks_whoever_else_asks(served, client):
    chunks = []
    for _ in range(2):
        client.reset(3)
        with PolicyClient(f"127.0.0.1:{served}", api_key=KEY, timeout_s=10.0) as other:
            for _ in range(2):
                chunks.append(client.chunk(observation()).actions)
                other.chunk(observation())
    assert np.array_equal(chunks[:2], chunks[2:])
    assert not np.array_equal(chunks[0], chunks[1])


@pytest.mark.parametrize(
    ("changed", "kind", "text"),
    [
        ({"instruction": "dance"}, "InputError", "does not know 'dance'"),
        ({"state": np.full(DIMENSIONS, 1e30)}, "InputError", r"the state has 1e\+30 rad for left_shoulder_pitch"),
    ],
)
def test_what_the_policy_refuses_is_said(client, changed, kind, text):
    with pytest.raises(RefusedError, match=text) as refused:
        client.chunk(observation(**changed))
    assert refused.value.kind == kind
    assert len(client.chunk(observation()).actions) == client.spec.horizon


@pytest.mark.parametrize("size", [(128, 128), (224, 224), (480, 640), (7, 5)])
def test_any_picture_size_is_taken_and_seen_as_here(client, size):
    client.reset(1)
    with open_policy(LocalPolicy(checkpoint=SHIPPED)) as policy:
        policy.reset(1)
        for _ in range(2):
            here = policy.chunk(observation(size)).actions
            np.testing.assert_array_equal(client.chunk(observation(size)).actions, here)


def test_health_knows_the_checkpoint(served):
    connection = http.client.HTTPConnection("127.0.0.1", served, timeout=10.0)
    connection.request("GET", "/health", headers={"Authorization": f"Api-Key {KEY}"})
    health = json.loads(connection.getresponse().read())
    connection.close()
    assert health["checkpoint"] == str(SHIPPED)
    assert health["policy_type"] == "compact"


def test_key_is_wanted(served):
    with pytest.raises(RefusedError, match="API key"):
        PolicyClient(f"ws://127.0.0.1:{served}")


def test_fresh_server_is_the_loaded_policy_until_ctrl_c():
    """Its first chunk starts from the same noise as that of a policy that was just loaded."""
    with serving() as (process, port), PolicyClient(f"127.0.0.1:{port}", timeout_s=10.0) as client:
        chunk = client.chunk(observation())
        assert (chunk.stamp_ns, chunk.rate_hz) == (5, 30.0)
        np.testing.assert_allclose(chunk.actions, local_chunk(), atol=1e-5)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=30)
        assert process.returncode == 130
        assert complaint.endswith("hlm: interrupted; answered 1 requests\n")


def scores(folder, name, *words):
    """What `hlm eval` says of each seed."""
    assert (
        main(
            [
                "eval",
                *words,
                "--rollouts",
                "2",
                "--workers",
                "1",
                "--videos",
                "0",
                "--json",
                name,
                "--out",
                f"{name}.out",
            ]
        )
        == 0
    )
    result = json.loads((folder / name).read_text(encoding="utf-8"))
    return result["policy"], result["results"]


def test_served_policy_is_scored(served, folder, brief, monkeypatch):
    monkeypatch.setenv("HLM_API_KEY", KEY)
    url = f"ws://127.0.0.1:{served}"
    source, rollouts = scores(folder, "a.json", "--server", url)
    assert source == url
    assert len(rollouts) == 2
    assert scores(folder, "b.json", "--server", url) == (source, rollouts)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--server", "ws://127.0.0.1:1", "--euler-steps", "3"], "give them to `hlm serve`"),
        (["--server", "ws://127.0.0.1:1", str(SHIPPED)], "give a CHECKPOINT, --server URL or --source scripted"),
        (["--server", "http://127.0.0.1:1"], "is not the address of a policy server"),
    ],
)
def test_servers_that_cannot_be_scored_are_one_line(refused, words, text):
    assert text in refused("eval", *words)


def test_scoring_wants_the_server_s_key(served, refused, monkeypatch):
    monkeypatch.delenv("HLM_API_KEY", raising=False)
    assert "the API key is missing or wrong" in refused("eval", "--server", f"ws://127.0.0.1:{served}")


def test_taken_port_is_one_line(refused):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"cannot listen at port {port}" in refused("serve", str(SHIPPED), "--port", str(port))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nothing"], "no checkpoint at nothing"),
        (["nothing", "--host", "0.0.0.0"], "other machines can reach '0.0.0.0': set an API key"),
        (["nothing", "--host", "no.such.host.invalid"], "no host 'no.such.host.invalid'"),
        (["nothing", "--port", "70000"], "port 70000 is not valid"),
        (["nothing", "--api-key-file", "key"], "no file 'key' with an API key"),
        (["nothing", "--max-message-mb", "0"], "--max-message-mb must be between 0.001 and 1000, got 0.0."),
        (["nothing", "--max-message-mb", "inf"], "--max-message-mb must be between 0.001 and 1000, got inf."),
        (["nothing", "--max-message-mb", "nan"], "--max-message-mb must be between 0.001 and 1000, got nan."),
        (["nothing", "--threads", "0"], "--threads must be between 1 and 1024, got 0."),
        (["nothing", "--threads", "10000000000"], "--threads must be between 1 and 1024, got 10000000000."),
        (["nothing", "--max-clients", "0"], "--max-clients must be between 1 and 1024, got 0."),
    ],
)
def test_errors_are_one_line(refused, monkeypatch, words, text):
    monkeypatch.delenv("HLM_API_KEY", raising=False)
    port = [] if "--port" in words else ["--port", "0"]
    assert text in refused("serve", *words, *port)


def test_short_key_is_one_line(refused, monkeypatch, folder):
    monkeypatch.setenv("HLM_API_KEY", "short")
    assert "at least 16 visible ASCII characters" in refused("serve", "nothing")
    (folder / "key").write_text("short\n")
    assert "at least 16 visible ASCII characters" in refused("serve", "nothing", "--api-key-file", "key")


def test_key_lets_others_in(refused, monkeypatch, folder):
    """With a key, listening everywhere is allowed: what is missing then is the checkpoint."""
    (folder / "key").write_text(f"{KEY}\n")
    assert "no checkpoint" in refused("serve", "nothing", "--host", "0.0.0.0", "--port", "0", "--api-key-file", "key")
    monkeypatch.setenv("HLM_API_KEY", KEY)
    assert "no checkpoint" in refused("serve", "nothing", "--host", "0.0.0.0", "--port", "0")


def test_help_and_usage_errors_need_no_torch():
    code = (
        "import sys; from hlm.cli.main import main\n"
        "assert main(['serve', 'nothing', '--host', '0.0.0.0']) == 2\n"
        "try: main(['serve', '--help'])\n"
        "except SystemExit: assert 'torch' not in sys.modules"
    )
    environment = {name: value for name, value in os.environ.items() if name != "HLM_API_KEY"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "--api-key-file" in done.stdout


@pytest.fixture(scope="module")
def stock_python(tmp_path_factory):
    """Python with openpi's client as it is on the package index, which does not go with hlm's NumPy."""
    folder = tmp_path_factory.mktemp("openpi")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    # It imports typing_extensions and does not say so.
    install = ["install", "--quiet", "--only-binary", ":all:", "openpi-client", "typing_extensions"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, *install], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"openpi-client cannot be had from the package index: {done.stderr.strip()[-200:]}")
    return python


@pytest.mark.slow
def test_stock_openpi_client_gets_actions(stock_python, tmp_path):
    seen = observation()
    np.savez(tmp_path / "seen.npz", picture=seen.frames["head"].image, state=seen.state.astype(np.float32))
    with serving(HLM_API_KEY=KEY) as (_, port):
        arguments = [str(port), KEY, tmp_path / "seen.npz", tmp_path / "actions.npy"]
        done = subprocess.run(
            [stock_python, "-c", STOCK_CLIENT, *arguments], capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode == 0, done.stderr
    actions = np.load(tmp_path / "actions.npy")
    assert actions.dtype == np.float32
    np.testing.assert_allclose(actions, local_chunk(), atol=1e-5)
