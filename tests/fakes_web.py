"""Browsers that say to a web server what they are told to."""

import http.client
import ssl
import threading

from websockets.sync.client import connect


def wait_for(ask):
    """What `ask` returns once that is something: the server answers in a thread of its own."""
    pause = threading.Event()
    for _ in range(1000):
        if found := ask():
            return found
        pause.wait(0.005)
    raise AssertionError("nothing came")


def untrusting():
    """TLS that trusts any certificate, as a person does who accepts one that a machine made for itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Browser:
    """Asks one server, with the headers that a test gives."""

    def __init__(self, server):
        scheme, _, rest = server.origin.partition("://")
        self.host = rest
        self.secure = scheme == "https"

    def get(self, path, headers=(), host=None):
        make = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        secure = {"context": untrusting()} if self.secure else {}
        connection = make("127.0.0.1", int(self.host.rpartition(":")[2]), timeout=5, **secure)
        connection.request("GET", path, headers={"Host": host or self.host, **dict(headers)})
        response = connection.getresponse()
        response.body = response.read()
        connection.close()
        return response

    def open(self, path="/ws/test", **settings):
        secure = {"ssl": untrusting()} if self.secure else {}
        url = f"{'wss' if self.secure else 'ws'}://{self.host}{path}"
        return connect(url, compression=None, **secure, **settings)

    def ask_to_open(self, path="/ws/test", headers=()):
        """The answer where a web socket is refused; `open` may miss it when the connection closes at once."""
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        return self.get(path, {**upgrade, "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", **dict(headers)})
