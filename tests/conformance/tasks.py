"""Laws of `hlm.core.task.Task`."""

import numpy as np
import pytest

from hlm.core.task import Progress


class TaskConformance:
    """What every task does; a subclass gives the fixture `task`, whose world nobody moves."""

    scenes_differ = True

    @pytest.fixture
    def task(self):
        raise NotImplementedError

    def test_it_has_a_name_stages_and_a_time_limit(self, task):
        assert task.name
        assert len(task.stages) > 0
        assert len(set(task.stages)) == len(task.stages)
        assert task.time_limit_s > 0.0

    def test_the_instruction_is_one_of_the_candidates(self, task):
        for seed in range(4):
            instance = task.reset(seed)
            assert instance.seed == seed
            assert instance.instruction == instance.candidates[instance.candidate]
            assert all(isinstance(candidate, str) and candidate for candidate in instance.candidates)
            assert len(set(instance.candidates)) == len(instance.candidates)

    def test_seeds_draw_different_scenes_and_ask_for_different_things(self, task):
        instances = [task.reset(seed) for seed in range(8)]
        assert len({instance.instruction for instance in instances}) == len(instances[0].candidates)
        scenes = []
        for seed in range(0, 8, len(instances[0].candidates)):
            task.reset(seed)
            scenes.append(str({name: np.round(value, 6).tolist() for name, value in task.privileged().items()}))
        assert len(set(scenes)) == (len(scenes) if self.scenes_differ else 1)

    def test_the_same_seed_is_the_same_instance(self, task):
        first, quantities = task.reset(3), task.privileged()
        task.reset(4)
        assert task.reset(3) == first
        again = task.privileged()
        assert quantities.keys() == again.keys()
        for name, value in quantities.items():
            np.testing.assert_array_equal(again[name], value)

    def test_progress_starts_with_nothing_reached(self, task):
        task.reset(0)
        progress = task.update()
        assert isinstance(progress, Progress)
        assert progress.stage == 0
        assert not (progress.success or progress.wrong_object or progress.fell)

    def test_stages_never_go_back_and_never_exceed_what_there_is(self, task):
        task.reset(0)
        stages = [task.update().stage for _ in range(5)]
        assert stages == sorted(stages)
        assert stages[-1] <= len(task.stages)

    def test_privileged_quantities_are_finite_arrays_of_fixed_shapes(self, task):
        shapes = []
        for seed in (0, 1):
            task.reset(seed)
            quantities = {name: np.asarray(value) for name, value in task.privileged().items()}
            assert all(np.isfinite(value).all() for value in quantities.values())
            shapes.append({name: value.shape for name, value in quantities.items()})
        assert shapes[0] == shapes[1]
