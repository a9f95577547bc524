"""A client for native frames in Python's standard library, written from docs/protocol.md and nothing else.

Usage: native_client.py SOCKET TOKEN. It proves that it knows the token, subscribes, publishes to itself with a receipt,
is refused once, asks the broker and another client, and prints what it saw as one JSON object.
"""

import hashlib
import hmac
import json
import secrets
import socket
import struct
import sys

PUBLISH, REQUEST, RESPONSE, PART, ERROR, GROUPED = 1, 2, 3, 4, 5, 6
HELLO, CHALLENGE, PROOF, WELCOME, SUBSCRIBE, UNSUBSCRIBE, OK, PING, PONG, RECEIPT, CANCEL, END, GOODBYE = range(16, 29)
MSGPACK, TEXT, HEADERS, WANTS_RECEIPT, IS_GROUPED = 1, 3, 1 << 2, 1 << 8, 1 << 9


def pack(value):
    """MessagePack for what the bodies of this client hold."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, str):
        encoded = value.encode()
        return b"\xda" + struct.pack(">H", len(encoded)) + encoded
    if isinstance(value, dict):
        return b"\xde" + struct.pack(">H", len(value)) + b"".join(pack(key) + pack(item) for key, item in value.items())
    raise TypeError(type(value))


class Unpacker:
    """Reads every kind of MessagePack value but extensions."""

    NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
    TEXTS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
    BYTES = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}
    CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, shape):
        return struct.unpack(shape, self.take(struct.calcsize(shape)))[0]

    def value(self):
        marker = self.number(">B")
        if marker < 0x80 or marker >= 0xE0:
            return marker if marker < 0x80 else marker - 0x100
        if marker < 0x90 or marker in (0xDE, 0xDF):
            count = marker & 0x0F if marker < 0x90 else self.number(">H" if marker == 0xDE else ">I")
            return {self.value(): self.value() for _ in range(count)}
        if marker < 0xA0 or marker in (0xDC, 0xDD):
            count = marker & 0x0F if marker < 0xA0 else self.number(">H" if marker == 0xDC else ">I")
            return [self.value() for _ in range(count)]
        if marker < 0xC0 or marker in self.TEXTS:
            count = marker & 0x1F if marker < 0xC0 else self.number(self.TEXTS[marker])
            return self.take(count).decode()
        if marker in self.CONSTANTS:
            return self.CONSTANTS[marker]
        if marker in self.BYTES:
            return self.take(self.number(self.BYTES[marker]))
        return self.number(self.NUMBERS[marker])


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        self.last_id = 0

    def send(self, kind, subject="", payload=b"", flags=0, to=0, ref=0):
        """Sends one frame in canonical form; its id."""
        self.last_id += 1
        head = bytes([0x98 if kind == PUBLISH else 0x9A, 0xCC, kind, 0xCD]) + struct.pack(">HBIBQBQ", flags, 0xCE, 0, 0xCF, self.last_id, 0xCF, 0)
        if kind != PUBLISH:
            head += struct.pack(">BIBQ", 0xCE, to, 0xCF, ref)
        name = subject.encode()
        frame = head + bytes([0xD9, len(name)]) + name + b"\xc0\xc6" + struct.pack(">I", len(payload)) + payload
        self.socket.sendall(struct.pack(">I", len(frame)) + frame)
        return self.last_id

    def receive(self):
        """The next frame as a dict; pings are answered, and not shown."""
        length = struct.unpack(">I", self.stream.read(4))[0]
        fields = Unpacker(self.stream.read(length)).value()
        names = ["kind", "flags", "origin", "id", "time", "subject", "headers", "payload"]
        if fields[0] != PUBLISH:
            names[5:5] = ["to", "ref"]
        frame = dict(zip(names, fields, strict=True))
        if frame["kind"] == PING:
            self.send(PONG, ref=frame["id"])
            return self.receive()
        frame["body"] = Unpacker(frame["payload"]).value() if frame["flags"] & 3 == MSGPACK and frame["payload"] else None
        return frame

    def expect(self, kind, ref=None):
        frame = self.receive()
        assert frame["kind"] == kind and ref in (None, frame.get("ref")), frame
        return frame


def authenticate(client, token):
    nonce = secrets.token_hex(16)

    def mac(label, broker_nonce):
        text = "\n".join([label, broker_nonce, nonce, "owner"])
        return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()

    client.send(HELLO, payload=pack({"protocol": {"min": 1, "max": 1}, "program": "snake", "client": "snake-1", "principal": "owner", "auth": {"nonce": nonce}, "heartbeatMs": 1000}), flags=MSGPACK)
    challenge = client.expect(CHALLENGE)["body"]
    client.send(PROOF, payload=pack({"mac": mac("callboard-proof-v1", challenge["nonce"])}), flags=MSGPACK)
    welcome = client.expect(WELCOME)["body"]
    assert hmac.compare_digest(welcome["mac"], mac("callboard-welcome-v1", challenge["nonce"])), "the broker does not know the token"
    return welcome


def main(path, token):
    client = Client(path)
    seen = {"welcome": authenticate(client, token)}
    wanted = client.send(SUBSCRIBE, payload=pack({"pattern": "snake.*"}), flags=MSGPACK, ref=7)
    seen["ok"] = client.expect(OK, wanted)["body"]
    shared = client.send(SUBSCRIBE, payload=pack({"pattern": "work", "group": "diggers"}), flags=MSGPACK, ref=8)
    client.expect(OK, shared)

    published = client.send(PUBLISH, "snake.says", "ßss".encode(), TEXT | WANTS_RECEIPT)
    message = client.expect(PUBLISH)
    seen["message"] = [message["subject"], message["payload"].decode(), message["origin"], message["id"] == published, message["time"] > 0]
    seen["receipt"] = client.expect(RECEIPT, published)["body"]

    refused = client.send(PUBLISH, "events.mine", b"", 0)
    seen["refusal"] = client.expect(ERROR, refused)["body"]["code"]

    ping = client.send(REQUEST, "$CB.api.ping", pack({}), MSGPACK)
    seen["ping"] = client.expect(RESPONSE, ping)["body"]
    asked = client.send(REQUEST, "nobody.here", b"", 0, to=1000)
    seen["nobody"] = client.expect(ERROR, asked)["body"]["code"]

    # Another client asks this one, and hands it a piece of group work.
    asked = client.send(REQUEST, "oracle", b"ready", TEXT, to=10_000)
    request = client.expect(REQUEST)
    client.send(RESPONSE, request["subject"], request["payload"][::-1], TEXT, to=request["origin"], ref=request["id"])
    work = client.expect(GROUPED, 8)
    seen["work"] = [work["payload"].decode(), bool(work["flags"] & IS_GROUPED), work["headers"]]
    seen["answer"] = client.expect(RESPONSE, asked)["payload"].decode()

    client.send(UNSUBSCRIBE, ref=7)
    client.expect(OK)
    client.send(GOODBYE)
    seen["end"] = len(client.stream.read())
    print(json.dumps(seen))


main(*sys.argv[1:])
