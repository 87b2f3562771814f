import json
import socket
import ssl

import pytest
from fakes import SteppedClock
from fakes_web import Browser, wait_for
from websockets.exceptions import ConnectionClosed

from hlm.core.errors import InputError, UnknownNameError
from hlm.teleop.web.channel import Channel
from hlm.teleop.web.config import WebConfig
from hlm.teleop.web.messages import Message
from hlm.teleop.web.server import WebServer

TOKEN = "a-token-of-the-tests"


def test_files_of_its_folders(serve):
    browser = Browser(serve())
    page = browser.get("/app/")
    assert (page.status, page.body, page.headers["Content-Type"]) == (200, b"<p>hello", "text/html; charset=utf-8")
    assert browser.get("/").body == b"<p>hello"
    assert browser.get("/app/parts/code.js?v=1").body == b"1"
    assert browser.get("/app").headers["Location"] == "/app/"


@pytest.mark.parametrize(
    "path",
    [
        "/app/../secret.js",
        "/app/%2e%2e/secret.js",
        "/app/..%2fsecret.js",
        "/app/parts/../../secret.js",
        "/app//secret.js",
        "/app/.hidden.js",
        "/app/link.js",
        "/app/%00.js",
        "/app/index.html/",
        "/app/parts",
        "/etc/passwd",
        "/app/missing.js",
    ],
)
def test_nothing_else_is_a_page(serve, path):
    answer = Browser(serve()).get(path)
    assert (answer.status, answer.body) == (404, b"there is no such page.\n")


def test_pages_load_from_here_alone(serve):
    policy = Browser(serve(frame_sources=("http://localhost:8081",))).get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "frame-src http://localhost:8081;" in policy


def test_messages_have_their_client_and_the_instant_of_their_arrival(serve):
    clock = SteppedClock()
    server = serve(clock)
    channel = server.channel("test")
    with Browser(server).open() as one, Browser(server).open() as two:
        first, second = (json.loads(page.recv()) for page in (one, two))
        assert [client.number for client in channel.clients] == [first["client"], second["client"]] == [1, 2]
        now_ns = clock.now_ns()
        two.send('{"type": "pose", "value": [1, 2.5]}')
        (message,) = wait_for(channel.messages)
    assert (message.client, message.type, message.content["value"]) == (2, "pose", [1, 2.5])
    assert message.stamp_ns >= now_ns
    assert channel.messages() == ()
    assert wait_for(lambda: not channel.clients)


def test_an_unread_inbox_keeps_the_newest_of_each_client():
    channel = Channel("test")
    channel.receive(Message(client=2, stamp_ns=0, type="pose", content={}))
    for stamp_ns in range(600):
        channel.receive(Message(client=1, stamp_ns=stamp_ns, type="pose", content={}))
    stamps = [(message.client, message.stamp_ns) for message in channel.messages()]
    assert stamps == [(2, 0), *((1, stamp_ns) for stamp_ns in range(600 - 512, 600))]


def test_messages_to_all_and_to_one(serve):
    server = serve()
    channel = server.channel("test")
    with Browser(server).open() as one, Browser(server).open() as two:
        for page in (one, two):
            page.recv()
        channel.send({"type": "for two"}, to=2)
        channel.send({"type": "for all"}, data=b"\x00picture")
        frames = [one.recv(), two.recv(), two.recv()]
    size = int.from_bytes(frames[0][:4], "big")
    assert json.loads(frames[0][4 : 4 + size]) == {"type": "for all"}
    assert frames[0][4 + size :] == b"\x00picture"
    assert json.loads(frames[1]) == {"type": "for two"}
    assert frames[2] == frames[0]


def test_a_slow_page_gets_the_newest_and_not_all(serve):
    server = serve()
    channel = server.channel("test")
    with Browser(server).open(max_queue=1) as slow:
        slow.recv()
        for index in range(400):
            channel.send({"type": "frame", "index": index}, data=bytes(200_000))
        channel.send({"type": "end"})
        seen = []
        while isinstance(frame := slow.recv(), bytes):
            seen.append(json.loads(frame[4 : 4 + int.from_bytes(frame[:4], "big")])["index"])
    assert seen == sorted(seen)
    assert len(seen) < 400
    assert seen[-1] == 399


def test_a_message_can_be_taken_at_once(serve):
    taken = []
    server = serve(before=lambda server: server.channel("test", taken.append))
    with Browser(server).open() as page:
        page.send('{"type": "stop"}')
        assert wait_for(lambda: taken)[0].type == "stop"


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("{", "no JSON"),
        ('{"type": "pose", "value": NaN}', "NaN is no number"),
        ("[" * 5000, "no JSON"),
        ('"pose"', "without a type"),
        ('{"type": 3}', "without a type"),
        (b"{}", "bytes instead of JSON"),
    ],
)
def test_what_is_no_message_ends_the_connection(serve, frame, reason):
    server = serve()
    channel = server.channel("test")
    with Browser(server).open() as page:
        page.recv()
        page.send(frame)
        with pytest.raises(ConnectionClosed, match=reason):
            page.recv()
    assert channel.messages() == ()


def test_a_message_too_large_ends_the_connection(serve):
    server = serve(max_message_bytes=1000)
    server.channel("test")
    with Browser(server).open() as page:
        page.recv()
        page.send(json.dumps({"type": "x" * 1000}))
        with pytest.raises(ConnectionClosed, match="1009"):
            page.recv()


def test_no_number_is_sent_that_is_none(serve):
    channel = serve().channel("test")
    with pytest.raises(ValueError, match="JSON"):
        channel.send({"type": "pose", "value": float("nan")})


def test_a_page_of_another_origin_is_refused_in_one_line(serve, caplog):
    server = serve()
    channel = server.channel("test")
    browser = Browser(server)
    for origin in ("https://evil.example", "null", f"https://{browser.host}"):
        assert browser.ask_to_open(headers={"Origin": origin}).status == 403
    assert browser.ask_to_open(headers={"Origin": "https://evil.example"}).status == 403
    assert channel.clients == ()
    lines = [record.message for record in caplog.records]
    assert lines[0] == (
        f"refused: a page from another origin, https://evil.example; only pages of {server.origin} may talk to hlm."
    )
    assert len(lines) == 3
    with browser.open(origin=server.origin) as own:
        own.recv()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "[", ""])
def test_a_name_that_is_not_ours_is_refused(serve, host):
    server = serve()
    answer = Browser(server).get("/", host=host or ":1")
    assert answer.status == 421
    assert b"is no name of this machine" in answer.body


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "[::1]:8080", "robot.lab:1"])
def test_our_names_and_forwarded_ports_are_not(serve, host):
    assert Browser(serve(names=("Robot.lab",))).get("/", host=host).status == 200


def test_an_unknown_channel_and_too_many_pages(serve):
    server = serve(max_clients=1)
    server.channel("test")
    browser = Browser(server)
    assert browser.ask_to_open("/ws/other").status == 404
    with browser.open():
        assert browser.ask_to_open().status == 503


def test_a_token_is_brought_once_and_kept_as_a_cookie(serve, caplog):
    server = serve(token=TOKEN, https=True)
    channel = server.channel("test")
    browser = Browser(server)
    assert server.address("app") == f"{server.origin}/app/?token={TOKEN}"
    for path in ("/app/", f"/app/?token={TOKEN}x", "/app/?token=%ff"):
        assert browser.get(path).status == 401
    for headers in ({}, {"Cookie": f"hlm_token_1={TOKEN}"}):
        assert browser.ask_to_open(headers=headers).status == 401
    first = browser.get(f"/app/?token={TOKEN}&view=1")
    assert (first.status, first.headers["Location"]) == (303, "/app/?view=1")
    cookie, *attributes = first.headers["Set-Cookie"].split("; ")
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"}
    assert browser.get("/app/", headers={"Cookie": cookie}).status == 200
    with browser.open(additional_headers={"Cookie": cookie}) as page:
        page.recv()
        assert len(channel.clients) == 1
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(WebConfig(token=TOKEN))


def test_where_others_can_reach_it_there_is_always_a_token_and_https(serve):
    server = serve(host="0.0.0.0")
    assert server.origin.startswith("https://")
    _, _, token = server.address().partition("?token=")
    assert len(token) > 40
    browser = Browser(server)
    assert browser.get("/").status == 401
    assert browser.get(f"/?token={token}").status == 303


def test_a_browser_that_trusts_its_certificate_knows_the_server(serve, tmp_path):
    server = serve(https=True)
    trusting = ssl.create_default_context(cafile=tmp_path / "state" / "web_certificate.pem")
    plain = socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2])), timeout=5)
    with trusting.wrap_socket(plain, server_hostname="127.0.0.1") as link:
        assert link.version() in ("TLSv1.2", "TLSv1.3")


def test_a_second_server_at_the_port_is_one_line(serve, folder):
    port = int(serve().origin.rpartition(":")[2])
    with pytest.raises(InputError, match=f"cannot listen at port {port}.*already in use"):
        WebServer(WebConfig(port=port), {"": folder}).__enter__()


def test_the_port_is_free_again_afterwards(folder):
    with WebServer(WebConfig(port=0), {"": folder}) as server:
        port = int(server.origin.rpartition(":")[2])
        server.channel("test")
        page = Browser(server).open()
        page.recv()
    with pytest.raises(ConnectionClosed):
        page.recv()
    with WebServer(WebConfig(port=port), {"": folder}) as server:
        assert Browser(server).get("/").status == 200


def test_channels_and_folders_are_named_once(serve):
    server = serve()
    server.channel("test")
    for name in ("test", "a/b", ""):
        with pytest.raises(InputError, match=f"channel '{name}' cannot be opened"):
            server.channel(name)
    with pytest.raises(UnknownNameError, match=r"no folder 'ap'.*Did you mean 'app'"):
        server.address("ap")


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"token": "short"}, "token needs at least 16"),
        ({"token": "with a blank in between"}, "letters, digits"),
        ({"max_clients": 0}, "max_clients must be at least 1"),
        ({"frame_sources": ("*; script-src *",)}, "is no origin"),
    ],
)
def test_bad_configs_are_refused(config, text):
    with pytest.raises(InputError, match=text):
        WebConfig(**config)
