import subprocess
import sys
from dataclasses import replace

import pytest

from hlm.cli.policy_specs import policy_spec
from hlm.cli.sources import LocalPolicy
from hlm.cli.stations import policy_station
from hlm.core.errors import InputError, MismatchError, MissingFileError
from hlm.policies.checkpoint_config import CONFIG_FILE, config_bytes, read_config
from hlm.policies.trained import load_policy

PROGRAM = (
    "import sys\n"
    "from pathlib import Path\n"
    "from hlm.cli.policy_specs import policy_spec\n"
    "from hlm.cli.sources import LocalPolicy\n"
    "policy_spec(LocalPolicy(checkpoint=Path(sys.argv[1])))\n"
    "print('torch' in sys.modules)\n"
)


@pytest.mark.parametrize("euler_steps", [None, 5])
def test_a_checkpoint_says_what_its_policy_would(checkpoint, euler_steps):
    loaded = load_policy(checkpoint, euler_steps=euler_steps).spec
    told = policy_spec(LocalPolicy(checkpoint=checkpoint, euler_steps=euler_steps))
    assert replace(told, continues_chunks=loaded.continues_chunks) == loaded


def test_nothing_is_loaded_for_it(checkpoint):
    said = subprocess.run([sys.executable, "-c", PROGRAM, checkpoint], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"


def test_more_of_a_chunk_than_it_has_cannot_be_executed(checkpoint):
    horizon = read_config(checkpoint).encoding.horizon
    assert policy_spec(LocalPolicy(checkpoint=checkpoint, execution_horizon=horizon)).horizon == horizon
    with pytest.raises(InputError, match=f"--execution-horizon {horizon + 1} is more than a chunk has: .* {horizon}"):
        policy_spec(LocalPolicy(checkpoint=checkpoint, execution_horizon=horizon + 1))


def test_what_is_no_policy_of_this_robot_is_refused(checkpoint, tmp_path):
    with pytest.raises(MissingFileError, match="no checkpoint at"):
        policy_spec(LocalPolicy(checkpoint=tmp_path))
    for name in ("model.safetensors", "statistics.json"):
        (tmp_path / name).write_bytes((checkpoint / name).read_bytes())
    config = replace(read_config(checkpoint), embodiment="another_robot")
    (tmp_path / CONFIG_FILE).write_bytes(config_bytes(config))
    with pytest.raises(MismatchError, match="was trained for robot 'another_robot', not for 'unitree_g1'"):
        policy_spec(LocalPolicy(checkpoint=tmp_path))


def test_a_station_has_what_a_policy_needs(checkpoint):
    policy = LocalPolicy(checkpoint=checkpoint)
    spec = policy_spec(policy)
    station = policy_station("shelf_cup_transfer", policy, spec)
    assert (station.cameras, station.image_size) == (spec.cameras, spec.image_size)
    assert station.source == replace(policy, digest=spec.digest)  # and no other policy that may lie there later
    with pytest.raises(MismatchError, match="the policy needs camera 'tail', and robot 'unitree_g1' has head"):
        policy_station("shelf_cup_transfer", policy, replace(spec, cameras=("head", "tail")))
