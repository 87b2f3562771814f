import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from hlm.core.errors import MissingFileError
from hlm.evaluation.report import Clip, Section, ending, instruction_bars, stage_bars, write_demo, write_evaluation
from hlm.evaluation.results import EvalResult, RolloutResult, load_result

STAGES = ("reach", "grasp", "place")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c6300010000050001"
    "0d0a2db40000000049454e44ae426082"
)


def rollout(seed, stage, **changes):
    values = {
        "seed": seed,
        "instruction": "take <the> red cup",
        "success": stage == len(STAGES),
        "stage": stage,
        "stages": STAGES,
        "progress": stage / len(STAGES),
        "wrong_object": False,
        "fell": False,
        "duration_s": 11.25,
        "steps": 300,
    }
    return RolloutResult(**values | changes)


def result(*rollouts):
    return EvalResult(task="shelf", policy="runs/policy", first_seed=rollouts[0].seed, rollouts=rollouts)


class Page(HTMLParser):
    """Sources of videos and pictures, and the text of table cells."""

    def __init__(self, path):
        super().__init__()
        self.sources, self.cells, self.open = {"video": [], "img": []}, [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        if tag in self.sources:
            self.sources[tag].append(dict(attributes)["src"])
        if tag == "td":
            self.open.append("")

    def handle_data(self, data):
        if self.open:
            self.open[-1] += data

    def handle_endtag(self, tag):
        if tag == "td":
            self.cells.append(" ".join(self.open.pop().split()))


def test_evaluation_page_and_figures(tmp_path):
    video = "videos/seed 1 #1.mp4"
    found = result(rollout(1, 3, video=video), rollout(2, 1, wrong_object=True))
    (tmp_path / "videos").mkdir()
    (tmp_path / video).write_bytes(b"")
    path = write_evaluation(tmp_path, found, "hlm eval runs/policy --note '<b>'")
    page = Page(path)
    assert [unquote(source.partition("#")[0]) for source in page.sources["video"]] == [video]
    assert page.cells.count("take <the> red cup") == 2
    text = path.read_text(encoding="utf-8")
    assert "1 of 2, 95 % interval 9.5 % to 90.5 %" in text
    assert "<b>'" not in text
    assert "&lt;b&gt;" in text
    assert load_result(tmp_path) == found


def test_page_loads_nothing_from_elsewhere(tmp_path):
    text = write_evaluation(tmp_path, result(rollout(1, 3))).read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(https?:)?//", text)
    assert "{{" not in text
    assert "{%" not in text


def test_demo_page_holds_pictures_and_finds_videos_below(tmp_path):
    (tmp_path / "loss.png").write_bytes(PIXEL)
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "a.mp4").write_bytes(b"")
    sections = [
        Section(title="Record", facts={"episodes": "300"}, command="hlm record"),
        Section(title="Train", images=(tmp_path / "loss.png",)),
        Section(title="Score", evaluation=result(rollout(1, 3, video="a.mp4")), folder="evaluation"),
    ]
    page = Page(write_demo(tmp_path / ".", "A demo", sections))
    assert page.sources["img"][0].startswith("data:image/png;base64,")
    assert page.sources["video"][0].startswith("evaluation/a.mp4")
    assert "300" in page.cells


def test_missing_files_are_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"shows the video 'a\.mp4', which does not exist"):
        write_evaluation(tmp_path, result(rollout(1, 3, video="a.mp4")))
    with pytest.raises(MissingFileError, match=r"shows the video 'b\.mp4'"):
        write_demo(tmp_path, "A demo", [Section(title="Record", clips=(Clip(path="b.mp4", caption=""),))])
    with pytest.raises(MissingFileError, match=r"c\.png"):
        write_demo(tmp_path, "A demo", [Section(title="Train", images=(tmp_path / "c.png",))])


def test_bars_count_stages_and_instructions():
    found = result(rollout(1, 3), rollout(2, 1), rollout(3, 0, instruction="other"), rollout(4, 3, success=False))
    assert [(bar.name, bar.count) for bar in stage_bars(found)] == [
        ("reach", 3),
        ("grasp", 2),
        ("place", 2),
        ("success", 1),
    ]
    assert [(bar.name, bar.count, bar.trials) for bar in instruction_bars(found)] == [
        ("take <the> red cup", 1, 3),
        ("other", 0, 1),
    ]
    assert all(bar.low <= bar.rate <= bar.high for bar in stage_bars(found))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (rollout(1, 3), "success"),
        (rollout(1, 2, fell=True), "fell"),
        (rollout(1, 2), "reached 'grasp'"),
        (rollout(1, 0), "reached no stage"),
        (rollout(1, 1, wrong_object=True), "wrong object, reached 'reach'"),
    ],
)
def test_ending(found, text):
    assert ending(found) == text
