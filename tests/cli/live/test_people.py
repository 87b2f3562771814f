import pytest

from hlm.cli.live.people import PersonConfig, must_be_person, open_person
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import UnknownNameError


def test_a_headset_is_invited_with_an_address_and_a_picture(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with open_person(PersonConfig(source="webxr", headset_port=0), None, UNITREE_G1) as person:
        shown = person.invitation
        assert "on the headset, open https://" in shown
        assert "/headset/?token=" in shown
        assert "█" in shown
        assert person.source.trouble.startswith("webxr has said nothing yet: no headset is connected")
    assert [path.name for path in tmp_path.rglob("*.pem")] == ["web_certificate.pem"]


def test_a_device_that_there_is_not():
    with pytest.raises(UnknownNameError, match=r"no source 'webxt'.*Did you mean 'webxr'"):
        must_be_person("webxt", None)
