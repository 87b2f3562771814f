from hlm.core.task import TaskInstance


def test_the_instruction_of_an_instance_is_its_candidate():
    assert TaskInstance(seed=1, candidates=("a", "b"), candidate=1).instruction == "b"
