import pytest

from hlm.cli.memory import free_memory_bytes

GB = 10**9


def put(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def machine(tmp_path):
    """A machine with 8 GB to spare, whose processes are in no group."""
    put(tmp_path, "proc/meminfo", f"MemTotal: 1 kB\nMemAvailable:   {8 * GB // 1024} kB\nSwapFree: 1 kB\n")
    return tmp_path


def group(root, path, limit, used, cached=0):
    put(root, f"sys/fs/cgroup/{path}/memory.max", f"{limit}\n")
    put(root, f"sys/fs/cgroup/{path}/memory.current", f"{used}\n")
    put(root, f"sys/fs/cgroup/{path}/memory.stat", f"anon 1\ninactive_file {cached}\n")


def test_a_machine_says_what_it_has(machine, tmp_path_factory):
    assert free_memory_bytes(machine) == 8 * GB // 1024 * 1024
    assert free_memory_bytes(tmp_path_factory.mktemp("another system")) is None


@pytest.mark.parametrize(
    ("inner", "outer", "free"),
    [
        ((2 * GB, GB, 0), ("max", GB, 0), GB),
        (("max", GB, 0), (3 * GB, 2 * GB, GB // 2), 3 * GB // 2),
        (("max", 9 * GB, 0), ("max", 9 * GB, 0), 8 * GB // 1024 * 1024),
        ((GB, 2 * GB, 0), ("max", GB, 0), 0),
    ],
)
def test_the_narrowest_group_counts(machine, inner, outer, free):
    put(machine, "proc/self/cgroup", "0::/job/step\n")
    group(machine, "job/step", *inner)
    group(machine, "job", *outer)
    assert free_memory_bytes(machine) == free


def test_a_container_sees_its_own_group_at_the_top(machine):
    put(machine, "proc/self/cgroup", "0::/docker/ab12\n")
    group(machine, ".", 2 * GB, GB)
    assert free_memory_bytes(machine) == GB


def test_groups_of_version_1_count_too(machine):
    put(machine, "proc/self/cgroup", "12:cpu,cpuacct:/x\n4:memory:/job\n0::/\n")
    put(machine, "sys/fs/cgroup/memory/job/memory.limit_in_bytes", f"{3 * GB}\n")
    put(machine, "sys/fs/cgroup/memory/job/memory.usage_in_bytes", f"{GB}\n")
    assert free_memory_bytes(machine) == 2 * GB
