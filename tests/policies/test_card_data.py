from pathlib import Path

from hlm.policies.card_data import CARD_FILE, data_line, data_of_card

SHIPPED = Path(__file__).resolve().parents[2] / "policies" / "shipped" / "shelf_cup_transfer"


def test_what_a_card_says_of_its_data_is_read_back(tmp_path):
    data = ("runs/a.zarr: 3 of 4 episodes (4 scripted), 0.01 h", "runs/b.zarr: 1 of 1 episodes")
    (tmp_path / CARD_FILE).write_text("\n".join(["# Policy", "", *map(data_line, data), "- command: `x`", ""]))
    assert data_of_card(tmp_path) == data


def test_the_shipped_policys_card_says_it():
    assert [line.partition(":")[0] for line in data_of_card(SHIPPED)] == ["runs/shelf_a.zarr", "runs/shelf_b.zarr"]


def test_without_a_card_nothing_is_known(tmp_path):
    assert data_of_card(tmp_path) == ()
    (tmp_path / CARD_FILE).write_bytes(b"\xff\xfe- data: x")
    assert data_of_card(tmp_path) == ()
