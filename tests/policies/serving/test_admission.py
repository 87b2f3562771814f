import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as websocket

from hlm.core.errors import InputError
from hlm.policies.serving import admission
from hlm.policies.serving.messages import encode_request
from hlm.policies.serving.wire import pack, unpack

KEY = "a-key-that-nobody-guesses"
PATIENCE_S = 10.0


@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Api-Key {KEY}x"}, {"Authorization": KEY}])
def test_without_the_key_nobody_gets_in(serve, policy, headers):
    running = serve(policy, api_key=KEY)
    with pytest.raises(InvalidStatus, match="401") as refused:
        websocket(running.url, additional_headers=headers)
    assert refused.value.response.headers["WWW-Authenticate"] == "Api-Key"
    assert running.get("/health", **headers)[0] == 401
    assert running.get("/healthz", **headers) == (200, "OK\n")
    assert running.get("/", **headers)[0] == 401


def test_with_the_key_it_answers(serve, policy, observe):
    running = serve(policy, api_key=KEY)
    headers = {"Authorization": f"Api-Key {KEY}"}
    with running.dial(additional_headers=headers) as connection:
        connection.send(pack(encode_request(observe())))
        assert "actions" in unpack(connection.recv(PATIENCE_S))
    assert running.get("/health", **headers)[0] == 200


def test_strange_authorization_is_no_crash(serve, policy):
    running = serve(policy, api_key=KEY)
    assert running.get("/health", Authorization="Api-Key \xe4\xf6".encode("latin-1"))[0] == 401


@pytest.mark.parametrize("key", ["", "short", "has a space in the middle", "ümlaut-ümlaut-ümlaut"])
def test_keys_that_are_none(key):
    with pytest.raises(InputError, match="at least 16 visible ASCII characters"):
        admission.check_key(key)


def test_key_is_read_without_white_space():
    assert admission.check_key(f" {KEY}\n") == KEY


def test_page_in_a_browser_is_refused(running):
    with pytest.raises(InvalidStatus, match="403"):
        websocket(running.url, origin="https://somewhere.example")


def test_number_of_clients_is_bounded(serve, policy, until):
    running = serve(policy, max_clients=2)
    with running.dial(), running.dial() as second:
        with pytest.raises(InvalidStatus, match="503"):
            websocket(running.url)
        assert running.get("/healthz")[0] == 200
        second.close()
        until(lambda: running.health()["clients"] == 1)
        running.dial().close()
