"""An agent in Python's standard library: follows a file and publishes each new line on the channel `events`.

Usage: tail.py [FILE]; without one the environment's TAIL_FILE, else the broker's own log.
It survives rotation and truncation of the file and comes back when the connection is lost. Each line is published
at most once, as {"type": "line", "file": …, "line": …, "n": …}; n counts the lines since the start.

Whoever follows the broker's log must not cause a log line for every line it reads. So this one says little: when it
connects, when it loses the connection, and each kind of refusal once per connection.
"""

import json
import os
import select
import signal
import socket
import sys

POLL_S = 0.2
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
IO_TIMEOUT_S = 30
MAX_LINE_BYTES = 64 * 1024
BATCH_BYTES = 64 * 1024


class Disconnected(Exception):
    """The connection is gone or was refused; the reason is its text."""


class Broker:
    """One connection: JSON lines, see docs/protocol.md section 7."""

    def __init__(self, path, token, agent):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(IO_TIMEOUT_S)
        self.received = b""
        self.refusals = set()
        hello = {"token": token, "program": "tail", "protocol": {"min": 1, "max": 1}}
        if agent:
            hello.update(principal="agent:" + agent, agent=agent)
        try:
            self.socket.connect(path)
            self.send({"type": "hello", "payload": hello})
            # Nothing comes before the welcome, or before the reason why there is none.
            while not self.receive():
                pass
        except BaseException:
            self.close()
            raise

    def send(self, *envelopes):
        lines = "".join(json.dumps(envelope, ensure_ascii=False) + "\n" for envelope in envelopes)
        try:
            self.socket.sendall(lines.encode("utf-8", "replace"))
        except OSError as error:
            raise Disconnected(str(error)) from error

    def receive(self):
        """Reads what has come and handles it; the number of envelopes."""
        try:
            chunk = self.socket.recv(64 * 1024)
        except OSError as error:
            raise Disconnected(str(error)) from error
        if not chunk:
            raise Disconnected("the broker closed the connection")
        *lines, self.received = (self.received + chunk).split(b"\n")
        for line in lines:
            self.handle(json.loads(line))
        return len(lines)

    def handle(self, envelope):
        kind = envelope.get("type")
        if kind == "goodbye":
            raise Disconnected(str((envelope.get("payload") or {}).get("message", "goodbye")))
        if kind == "ping":
            self.send({"type": "pong", "ref": envelope.get("id")})
        if kind == "error":
            failure = envelope.get("payload") or {}
            if failure.get("code") not in self.refusals:
                self.refusals.add(failure.get("code"))
                say("error", "the broker refused a line", problem=failure.get("message"))

    def close(self):
        self.socket.close()


class Follower:
    """Hands out the new lines of a file, whatever becomes of the file."""

    def __init__(self, path):
        self.path = path
        self.file = None
        self.partial = b""
        # True when the last call of lines() read something: then there may be more at once.
        self.is_reading = False
        # What stands there already is not new; whatever replaces it later is.
        self.open(at_end=True)

    def open(self, at_end):
        try:
            self.file = open(self.path, "rb", buffering=0)
        except OSError:
            self.file = None
            return
        if at_end:
            self.file.seek(0, os.SEEK_END)

    def lines(self):
        """Whole lines that came since the last call, as text; [] when there are none for now."""
        self.is_reading = False
        if self.file is None:
            self.open(at_end=False)
            if self.file is None:
                return []
        if os.fstat(self.file.fileno()).st_size < self.file.tell():
            # Truncated: it begins anew, and what was half read is gone.
            self.file.seek(0)
            self.partial = b""
        chunk = self.file.read(BATCH_BYTES)
        if not chunk and self.is_replaced():
            # What was written between that read and the rotation is still there to read.
            chunk = self.file.read(BATCH_BYTES)
            if not chunk:
                return self.go_on_with_next()
        self.is_reading = bool(chunk)
        *lines, self.partial = (self.partial + chunk).split(b"\n")
        # A line without an end is not collected for ever.
        self.partial = self.partial[:MAX_LINE_BYTES]
        return [text_of(line) for line in lines]

    def is_replaced(self):
        """True when another file has the name now."""
        try:
            now = os.stat(self.path)
        except OSError:
            # Between the old one's renaming and the new one's creation.
            return False
        held = os.fstat(self.file.fileno())
        return (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino)

    def go_on_with_next(self):
        """Opens the file that has the name now; what the old one ended with counts as a line."""
        last, self.partial = self.partial, b""
        self.file.close()
        self.open(at_end=False)
        return [text_of(last)] if last else []


def text_of(line):
    return line[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip("\r")


def say(level, text, **fields):
    """One record for the broker's log, which takes JSON lines on stdout as they are."""
    print(json.dumps({"level": level, "msg": text, **fields}), flush=True)


def read_token(home):
    with open(os.path.join(home, "token"), encoding="utf-8") as file:
        return file.read().strip()


def wait_for_events(broker, watches_stdin, seconds):
    """Waits until the broker says something, at most `seconds`. Ends the program when its own broker is gone."""
    sources = [broker.socket] if broker else []
    if watches_stdin:
        sources.append(sys.stdin.fileno())
    readable, _, _ = select.select(sources, [], [], seconds)
    # Nothing ever comes on an agent's stdin: that it can be read means its end.
    if watches_stdin and sys.stdin.fileno() in readable:
        sys.exit(0)
    if broker and broker.socket in readable:
        broker.receive()


def main():
    home = os.environ.get("CALLBOARD_HOME") or os.path.expanduser("~/.callboard")
    path = os.environ.get("CALLBOARD_SOCKET") or os.path.join(home, "callboard.sock")
    agent = os.environ.get("CALLBOARD_AGENT")
    argument = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TAIL_FILE")
    file = os.path.abspath(argument or os.path.join(home, "logs", "callboard.log"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    follower = Follower(file)
    if follower.file is None:
        say("warn", "the file cannot be opened; waiting for it", file=file)
    broker = None
    failures = 0
    count = 0
    while True:
        try:
            if broker is None:
                broker = Broker(path, os.environ.get("CALLBOARD_TOKEN") or read_token(home), agent)
                say("info", "connected", file=file)
                failures = 0
            events = []
            for line in follower.lines():
                count += 1
                events.append({"type": "event", "channel": "events", "payload": {"type": "line", "file": file, "line": line, "n": count}})
            broker.send(*events)
            wait_for_events(broker, agent, 0 if follower.is_reading else POLL_S)
        except (Disconnected, OSError) as problem:
            if failures == 0:
                # A broker that stops in order says so: nothing to warn of.
                say("info" if str(problem).startswith("connection.draining") else "warn", "not connected", problem=str(problem))
            if broker is not None:
                broker.close()
                broker = None
            wait_for_events(None, agent, RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
