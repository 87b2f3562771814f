"""Scenes of a session: kept episodes go on to others, and what is redone is the same again."""

import pytest
from fakes import FakeTask

from hlm.cli.live.scenes import DrawnScenes, RealScene
from hlm.datasets.schema import EpisodeInfo


def kept(scenes):
    """Keep an episode of the present scene; its description."""
    instance = scenes.draw()
    scenes.advance()
    return EpisodeInfo(instruction=instance.instruction, source="teleop", seed=instance.seed)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    "listed",
    [("take red",), ("take blue",), ("take red", "take red", "take blue"), ("grab it",), ("take blue", "grab it")],
)
def test_a_list_never_comes_back_to_a_scene(listed, first):
    scenes = DrawnScenes(FakeTask(), first, listed)
    infos = [kept(scenes) for _ in range(6)]
    assert [info.instruction for info in infos] == (list(listed) * 6)[:6]
    seeds = [info.seed for info in infos]
    assert seeds == sorted(set(seeds))
    assert seeds[0] >= first, "what was recorded before is not recorded again"


def test_who_always_asks_for_the_same_has_another_scene_each_time():
    scenes, seeds = DrawnScenes(FakeTask(), 4), []
    for _ in range(3):
        scenes.draw()
        scenes.say("take red")
        seeds.append(kept(scenes).seed)
    assert seeds == [4, 6, 8]


def test_a_choice_stays_in_the_scene_that_the_person_sees():
    scenes = DrawnScenes(FakeTask(), 5)
    scenes.draw()
    scenes.say("take red")
    assert (scenes.draw().seed, scenes.draw().instruction) == (4, "take red")


@pytest.mark.parametrize(
    "scenes", [DrawnScenes(FakeTask(), 4, ("one", "two", "three")), RealScene(("one", "two", "three"))]
)
@pytest.mark.parametrize("said", [None, "in other words"])
def test_what_is_redone_is_asked_for_in_the_same_words_and_scene_and_the_list_goes_on_after_it(scenes, said):
    before = kept(scenes)
    scenes.draw()
    if said is not None:
        scenes.say(said)
    last = kept(scenes)
    scenes.draw()
    scenes.again(last)
    assert kept(scenes) == last != before
    follows = {"one": "two", "two": "three", "three": "one"}
    assert scenes.draw().instruction == follows[follows[before.instruction]]
