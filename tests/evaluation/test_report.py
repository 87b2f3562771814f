import re
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from fake_rollouts import STAGES
from fake_rollouts import rollout as fake_rollout

from hlm.core.errors import MissingFileError
from hlm.evaluation.report import Clip, Section, ending, write_demo, write_evaluation
from hlm.evaluation.results import EvalResult, PolicyIdentity

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c6300010000050001"
    "0d0a2db40000000049454e44ae426082"
)


rollout = partial(fake_rollout, instruction="take <the> red cup")


def result(*rollouts):
    return EvalResult(task="shelf", policy="runs/policy", first_seed=rollouts[0].seed, rollouts=rollouts)


class Page(HTMLParser):
    """What a page holds: files, links, ids, styles by class, and the text of some elements by tag or class."""

    KEPT = ("td", "th", "dt", "dd", "name", "warning", "lead", "badge")
    VOID = ("meta", "img", "link")

    def __init__(self, path):
        super().__init__()
        self.files, self.links, self.ids, self.styles = [], [], [], {}
        self.texts = {kind: [] for kind in self.KEPT}
        self.text, self._open = "", []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        classes = (found.get("class") or "").split()
        self.files += [(tag, found["src"])] if "src" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.ids += [found["id"]] if "id" in found else []
        for name in classes:
            self.styles.setdefault(name, []).append(found.get("style", ""))
        if tag not in self.VOID:
            self._open.append((tag, [kind for kind in (tag, *classes) if kind in self.KEPT], [""]))

    def handle_data(self, data):
        self.text += data
        for _, _, text in self._open:
            text[0] += data

    def handle_endtag(self, tag):
        opened, kinds, text = self._open.pop()
        assert opened == tag
        for kind in kinds:
            self.texts[kind].append(" ".join(text[0].split()))

    def sources(self, tag):
        return [source for found, source in self.files if found == tag]


def page_of(folder, found):
    return Page(write_evaluation(folder, found))


def test_evaluation_page_and_figures(tmp_path):
    video = "videos/seed 1 #1.mp4"
    found = result(rollout(1, 3, video=video), rollout(2, 1, wrong_object=True))
    (tmp_path / "videos").mkdir()
    (tmp_path / video).write_bytes(b"")
    path = write_evaluation(tmp_path, found, "hlm eval runs/policy --note '<b>'")
    page = Page(path)
    assert [unquote(source.partition("#")[0]) for source in page.sources("video")] == [video]
    assert page.texts["td"].count("take <the> red cup") == 2
    text = path.read_text(encoding="utf-8")
    assert "95 % interval 9 to 91 %" in " ".join(page.text.split())
    assert "<b>'" not in text
    assert "&lt;b&gt;" in text


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
    assert page.sources("img")[0].startswith("data:image/png;base64,")
    assert page.sources("video")[0].startswith("evaluation/a.mp4")
    assert "300" in page.texts["td"]


def test_missing_files_are_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"shows the video 'a\.mp4', which does not exist"):
        write_evaluation(tmp_path, result(rollout(1, 3, video="a.mp4")))
    with pytest.raises(MissingFileError, match=r"shows the video 'b\.mp4'"):
        write_demo(tmp_path, "A demo", [Section(title="Record", clips=(Clip(path="b.mp4", caption=""),))])
    with pytest.raises(MissingFileError, match=r"c\.png"):
        write_demo(tmp_path, "A demo", [Section(title="Train", images=(tmp_path / "c.png",))])


ALL_ENDINGS = result(
    rollout(1, 3),
    rollout(2, 1, wrong_object=True),
    rollout(3, 1, fell=True),
    rollout(4, 2, fault="no chunk"),
    rollout(5, 0),
)
TOLD = PolicyIdentity(
    policy_type="act",
    origin="runs/a",
    digest="ab" * 32,
    trained_on=("a: 3 episodes",),
    horizon=50,
    execution_horizon=25,
)


@pytest.mark.parametrize(
    "found",
    [
        result(rollout(1, 3)),
        replace(ALL_ENDINGS, planned=9, stopped="interrupted", identity=TOLD, unseen=False),
        replace(ALL_ENDINGS, policy="scripted"),
    ],
)
def test_every_term_is_explained(tmp_path, found):
    page = page_of(tmp_path, found)
    explained = page.texts["dt"]
    assert len(set(explained)) == len(explained) == len(page.texts["dd"])
    assert all(len(text) > 20 for text in page.texts["dd"])
    bars = {*found.rollouts[0].stages, *(one.instruction for one in found.rollouts)}
    assert {*page.texts["th"], *page.texts["name"]} - bars <= set(explained)
    assert {"stage", "95 % interval", "seed", "rollout"} <= set(explained)
    assert " → ".join(STAGES) in page.text
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


@pytest.mark.parametrize("stage", [0, 3])
@pytest.mark.parametrize("count", [1, 20, 1000])
def test_an_interval_is_drawn_at_0_and_at_100_percent_too(tmp_path, stage, count):
    page = page_of(tmp_path, result(*(rollout(seed, stage) for seed in range(count))))
    numbers = [re.findall(r"(left|width):([0-9.]+)%", style) for style in page.styles["interval"]]
    boxes = [{name: float(value) for name, value in found} for found in numbers]
    assert len(boxes) == len(page.styles["fill"]) == len(page.styles["track"]) == 8
    for box in boxes:
        assert box["width"] > 0.0
        assert 0.0 <= box["left"] <= box["left"] + box["width"] <= 100.001
    # However small it is, it is some pixels wide.
    assert re.search(r"\.gauge \.interval \{[^}]*min-width: [3-9]px", page.text)


@pytest.mark.parametrize(
    ("stopped", "told"),
    [("", "."), ("interrupted", ", stopped: interrupted."), ("stopped by SIGTERM", ", stopped by SIGTERM.")],
)
def test_a_partial_evaluation_says_so_first_of_all(tmp_path, stopped, told):
    (warning,) = page_of(tmp_path, replace(ALL_ENDINGS, planned=20, stopped=stopped)).texts["warning"]
    assert warning.startswith(f"Partial: 5 of 20 rollouts{told} The figures")
    assert page_of(tmp_path, ALL_ENDINGS).texts["warning"] == []


@pytest.mark.parametrize(
    ("unseen", "told"), [(True, "yes: the policy was trained on none"), (False, "no: the"), (None, "not known: ")]
)
def test_whether_the_seeds_are_unseen_is_told(tmp_path, unseen, told):
    page = page_of(tmp_path, replace(ALL_ENDINGS, unseen=unseen))
    rows = dict(zip(page.texts["th"], page.texts["td"], strict=False))
    assert rows["unseen"].startswith(told)
    assert bool(page.texts["warning"]) == (unseen is False)
    assert "unseen" not in page_of(tmp_path, replace(ALL_ENDINGS, policy="scripted")).texts["th"]


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("runs/mine", "the policy in runs/mine"),
        ("ws://host:8000", "the policy served at ws://host:8000, which says that it is runs/a"),
        ("scripted", "the task's scripted operator, which is told where everything stands; no policy took part"),
    ],
)
def test_the_page_says_whose_score_it_is(tmp_path, policy, told):
    page = page_of(tmp_path, replace(ALL_ENDINGS, policy=policy, identity=TOLD))
    assert page.texts["lead"] == [f"Evaluated: {told}."]
    rows = dict(zip(page.texts["th"], page.texts["td"], strict=False))
    assert rows["policy"] == told
    assert (rows["policy type"], rows["trained on"], rows["digest"]) == ("act", "a: 3 episodes", "abababababab")
    assert rows["horizon"] == "50 actions a chunk, 25 of them executed"
    assert rows["seeds"] == "1 to 5"


def test_broken_rollouts_are_listed_with_seed_and_reason(tmp_path):
    page = page_of(tmp_path, ALL_ENDINGS)
    cells = page.texts["td"]
    assert cells[cells.index("no chunk") - 1] == "4"
    assert page.texts["badge"] == ["success", "wrong object", "fell", "broken", "failure"]
    assert "Broken rollouts" not in page_of(tmp_path, result(rollout(1, 3))).text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (rollout(1, 3), "success"),
        (rollout(1, 3, success=False, fault="no chunk"), "broken: no chunk"),
        (rollout(1, 2, fell=True), "fell"),
        (rollout(1, 2), "reached 'grasp'"),
        (rollout(1, 0), "reached no stage"),
        (rollout(1, 1, wrong_object=True), "wrong object, reached 'reach'"),
    ],
)
def test_ending(found, text):
    assert ending(found) == text
