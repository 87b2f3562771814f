"""Cases of the tracker's bench, short runs, and what is shown of them."""

import json
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from hlm.control.model import Configuration
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.errors import InputError

EMBODIMENT = find_embodiment("unitree_g1")


class TestCases:
    def test_a_third_of_seeds_and_motions_is_held_out(self, part):
        cases, clips = part("cases"), part("clips")
        assert [cases.held_out_seed(seed) for seed in range(6)] == [False, False, True, False, False, True]
        motions = [motion for names in clips.MOTIONS.values() for motion in names]
        assert 1 / 4 < sum(map(cases.held_out_clip, motions)) / len(motions) < 1 / 2

    def test_all_forms_of_a_motion_are_held_out_together(self, part):
        held_out = part("cases").held_out_clip
        assert held_out("sub3_largebox_003/g1") == held_out("sub3_largebox_003/body")

    def test_every_case_has_a_title_of_its_own_and_numbers_of_its_own(self, part):
        cases = part("cases").all_cases([], "bcdefgh", 3)
        titles = {(case.group, case.row, case.seed) for case in cases}
        numbers = {case.random.integers(2**60) for case in cases}
        assert len(titles) == len(cases) == len(numbers)

    def test_every_motion_of_a_row_meets_held_out_seeds(self, part):
        cases = [case for case in part("cases").all_cases([], "cdfgh", 60) if case.held_out]
        everyone = part("cases").all_cases([], "cdfgh", 60)
        assert {(case.row, case.recipe.name) for case in cases} == {(case.row, case.recipe.name) for case in everyone}

    def test_pushes_come_from_all_sides(self, part):
        cases = [case for case in part("cases").all_cases([], "e", 12) if case.row == "50 N standing"]
        angles = np.sort([case.around.push_rad for case in cases])
        assert np.diff(angles).max() < 2.0 * np.pi / 6.0


class TestSurroundings:
    def test_on_a_slope_the_highest_corner_touches(self, part, model):
        around = part("surroundings")
        slope = around.Surroundings(slope_rad=0.05, slope_direction_rad=0.7)
        start = Configuration.standing(EMBODIMENT)
        placed = around.start_of(start, slope, model)
        corners = np.concatenate(
            [
                (
                    model.pose_world_from(f"{side}_sole", placed)
                    @ np.column_stack([model.sole_corners_m, np.ones(4)]).T
                ).T
                for side in ("left", "right")
            ]
        )
        assert (corners[:, 2] - slope.floor_m(corners[:, :2])).min() == pytest.approx(0.0, abs=1e-9)

    def test_masses_are_wrong_by_no_more_than_asked_and_alike_for_a_seed(self, part):
        around = part("surroundings")
        worlds = [
            around.make_world(around.Surroundings(mass_error=error, seed=4), EMBODIMENT) for error in (0.0, 0.05, 0.05)
        ]
        share = worlds[1].model.body_mass[1:] / worlds[0].model.body_mass[1:]
        assert 0.01 < np.abs(share - 1.0).max() <= 0.05
        assert np.array_equal(worlds[1].model.body_mass, worlds[2].model.body_mass)

    def test_a_push_lasts_as_long_as_it_says(self, part):
        around = part("surroundings")
        push = around.Surroundings(push_n=50.0, push_s=0.1, push_rad=np.pi / 2)
        world = around.make_world(push, EMBODIMENT)
        world.reset()
        pusher, felt = around.Pusher(world, push), []
        for tick in range(50):
            world.wait_until(tick * 10_000_000)
            pusher.act()
            felt.append(float(world.data.xfrc_applied[:, 1].sum()))
        assert felt[10:30] == pytest.approx([50.0] * 20)
        assert sum(felt) == pytest.approx(50.0 * 20)


class TestRuns:
    def test_who_is_asked_to_stand_stands_and_the_table_says_so(self, part, model):
        tj, rollout, results = part("trajectory"), part("rollout"), part("results")
        standing = np.repeat(tj.row_of(Configuration.standing(EMBODIMENT))[None], 15, axis=0)
        stream = part("streams").from_trajectory(tj.on_the_floor(model, standing))
        outcome = rollout.Rollout(stream, part("surroundings").Surroundings(), EMBODIMENT).run()
        assert not outcome.fell
        assert outcome.leg_rad < 0.05
        result = results.Result(group="b", row="row", name="stand", seed=2, held_out=True, outcome=outcome, wall_s=1.0)
        assert results.cells([result])[:3] == ("1", "0", "0/1")
        assert results.causes([result]) == ""

    def test_trackers_stand_side_by_side_and_a_row_that_one_lacks_is_empty(self, part, tmp_path):
        def written(tracker, rows, name="runs"):
            outcome = {"place_m": 0.012, "height_m": 0.003, "heading_rad": float("nan")}
            results = [
                {"group": group, "row": row, "name": name, "seed": seed, "held_out": out}
                | {"outcome": outcome | {"fell": fell}}
                for seed, (group, row, fell, out) in enumerate(rows)
            ]
            path = tmp_path / f"{tracker} {name}.json"
            path.write_text(json.dumps({"tracker": tracker, "results": results}))
            return path

        both = [("c", "walking", True, False), ("c", "walking", False, True)]
        paths = [written("one", both), written("other", [*both[:1], ("e", "50 N", False, True)])]
        assert part("comparison").comparison_markdown(paths).splitlines() == [
            "| | one: falls (held out) | one: place, height, heading "
            "| other: falls (held out) | other: place, height, heading |",
            "|---|---|---|---|---|",
            "| **c: standard motions with noise** | | | | |",
            "| walking | 1 of 2 (0 of 1) | 1.2 cm, 0.3 cm, - | 1 of 1 (0 of 0) | -, -, - |",
            "| **e: pushes** | | | | |",
            "| 50 N | - | - | 0 of 1 (0 of 1) | 1.2 cm, 0.3 cm, - |",
            "| **all** | 1 of 2 (0 of 1) |  | 1 of 2 (0 of 1) |  |",
        ]
        # Files of one tracker count as one, in the order of the groups, and a run in both counts once.
        more = [written("one", [("e", "50 N", False, True)], "pushes"), paths[0], paths[0]]
        assert part("comparison").comparison_markdown(more).splitlines()[2:] == [
            "| **c: standard motions with noise** | | |",
            "| walking | 1 of 2 (0 of 1) | 1.2 cm, 0.3 cm, - |",
            "| **e: pushes** | | |",
            "| 50 N | 0 of 1 (0 of 1) | 1.2 cm, 0.3 cm, - |",
            "| **all** | 1 of 3 (0 of 2) |  |",
        ]

    def test_the_page_has_rows_falls_and_how_they_fell(self, part, tmp_path):
        rollout, results, page = part("rollout"), part("results"), part("page")
        figures = dict.fromkeys(rollout.Outcome.__dataclass_fields__, 0.25)
        words = {"ending": "fell", "tilt": "forward", "contact": "left", "unsolved": 0, "refused": 0}
        made = [
            results.Result(
                group="e",
                row="100 N standing",
                name="hold_stand",
                seed=seed,
                held_out=seed == 2,
                outcome=rollout.Outcome(**figures | words | {"fell": seed > 0}),
                wall_s=1.0,
            )
            for seed in range(3)
        ]
        text = page.write_page(tmp_path, made, {}, {"seeds": 3}).read_text()
        assert "2 falls in 3 runs" in text
        assert "2 forward; 2 on one foot half a second before" in text
        assert "data:image/png" in text

    def test_a_fall_is_filmed_beside_who_stands_and_its_last_picture_stays(self, part, model):
        shown, case = part("show"), part("cases").all_cases([], "e", 1)[0]
        outcome = {**dict.fromkeys(part("rollout").Outcome.__dataclass_fields__, 2.0), "fell": False}

        def film(count, **changed):
            images = [np.full((40, 60, 3), 100 + index, dtype=np.uint8) for index in range(count)]
            result = {"group": "e", "row": "row", "name": "stand", "seed": 0, "held_out": False, "wall_s": 1.0}
            made = part("results").Result(**result, outcome=part("rollout").Outcome(**outcome | changed))
            return part("film").Filmed(images, made)

        films = [film(10, fell=True, duration_s=0.7), film(20)]
        images = shown.side_by_side(["one", "other"], films, replace(case, around=part("surroundings").Surroundings()))
        assert images[0].shape == (40, 120, 3)
        assert len(images) == 20 + shown.HELD_S * part("film").FILM_HZ
        assert [int(image[-1, 0, 0]) for image in images[8:12]] == [108, 109, 65, 65]
        assert [int(image[-1, -1, 0]) for image in (images[10], images[-1])] == [110, 119]

    def test_a_named_case_is_animated_beside_what_was_meant(self, part, tmp_path):
        shown, sent = part("show"), []

        class Pool:
            def submit(self, work, case, *, meant):
                sent.append((case.tracker, meant))
                pushed = replace(case, recipe=Short(), around=replace(case.around, push_s=0.1))
                done = Future()
                done.set_result(work(pushed, meant=meant))
                return done

        class Short:
            name = "short"

            def make(self, model, random):
                tj = part("trajectory")
                standing = np.repeat(tj.row_of(Configuration.standing(EMBODIMENT))[None], 4, axis=0)
                return part("streams").from_trajectory(tj.on_the_floor(model, standing))

        groups, seeds = shown.reach_of(["e/50 N standing/hold_stand/1"])
        assert (groups, seeds) == ("e", 2)
        cases = shown.cases_named(["e/50 N standing/hold_stand/1"], part("cases").all_cases([], groups, seeds))
        (path,) = shown.write_shown(tmp_path, Pool(), cases, None)
        assert path.name == "e_50_n_standing_hold_stand_1.webp"
        assert sent == [("whole_body", True)]
        with Image.open(path) as film:
            assert film.size == (2 * part("film").SIZE_PX, part("film").SIZE_PX)
            assert film.n_frames > 1

    def test_a_case_that_there_is_not_is_refused_with_the_nearest(self, part):
        with pytest.raises(InputError, match=r"no case 'e/50 N stand/hold_stand/0'.*'e/50 N standing/hold_stand/0'"):
            part("show").cases_named(["e/50 N stand/hold_stand/0"], part("cases").all_cases([], "e", 1))
        assert part("show").reach_of(["nonsense", "z/1/2/x"]) == ("", 1)

    def test_a_reference_that_the_loop_refuses_is_counted(self, part, model):
        tj, rollout = part("trajectory"), part("rollout")
        standing = np.repeat(tj.row_of(Configuration.standing(EMBODIMENT))[None], 5, axis=0)
        stream = part("streams").from_trajectory(tj.on_the_floor(model, standing))
        wild = stream.vectors.copy()
        wild[3, 0] = np.nan
        outcome = rollout.Rollout(stream.asking(wild), part("surroundings").Surroundings(), EMBODIMENT).run()
        assert outcome.refused == 1
