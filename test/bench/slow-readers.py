"""Many slow devices in one process, for the bench.

Python and not Node, because a slow device shows itself by its small receive window, and Node cannot set SO_RCVBUF: the
kernel would take megabytes for a reader that pauses, and the server would never feel it.

Each reader has an address of its own, lwIP's receive window and segment size, and takes its bytes at a fixed pace; every
byte is compared with the image. Reads one JSON object (the job) as the first line of stdin and works until stdin ends or
the time is over. Writes JSON lines: {"connected": N} when all are connected, and a report as the last line.
"""

import heapq
import json
import os
import resource
import select
import signal
import socket
import ssl
import sys
import time

WINDOW = 5760
SEGMENT = 1440
CHUNK = 4096
HANDSHAKES_AT_ONCE = 64
RETRY_SECONDS = 0.05
HANDSHAKE_RETRY_SECONDS = 0.002


class Reader:
    """One device: connecting, then reading the head, then the body at its pace."""

    def __init__(self, job, context, image, index):
        self.image = memoryview(image)
        self.rate = job["bytesPerSecond"]
        self.request = f"GET {job['path']} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self.state = "handshake"
        self.head = b""
        self.received = 0
        self.length = len(image)
        self.next_at = 0.0
        plain = socket.socket()
        # Before connect, since the window's scale is agreed in the first segment. The kernel doubles the value it is given.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        plain.bind((f"127.2.{index >> 7}.{(index & 127) + 1}", 0))
        plain.settimeout(10)
        plain.connect(("127.0.0.1", job["port"]))
        plain.setblocking(False)
        self.socket = context.wrap_socket(plain, do_handshake_on_connect=False)

    def step(self, now):
        """Does what can be done now and gives the time of the next step, or None when the file is complete."""
        if self.state == "handshake":
            try:
                self.socket.do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return now + HANDSHAKE_RETRY_SECONDS
            self.socket.send(self.request)
            self.state = "head"
            self.next_at = now
        try:
            chunk = self.socket.recv(CHUNK)
        except ssl.SSLWantReadError:
            return now + RETRY_SECONDS
        if not chunk:
            raise ConnectionError(f"closed after {self.received} of {self.length} bytes")
        if self.state == "head":
            chunk = self.take_head(chunk)
        if self.image[self.received : self.received + len(chunk)] != chunk:
            raise ValueError(f"wrong bytes after {self.received}")
        self.received += len(chunk)
        if self.received == self.length:
            return None
        self.next_at = max(self.next_at + len(chunk) / self.rate, now - 1)
        return self.next_at

    def take_head(self, chunk):
        self.head += chunk
        end = self.head.find(b"\r\n\r\n")
        if end < 0:
            return b""
        if not self.head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError("answered " + self.head[:40].decode("latin-1"))
        self.state = "body"
        return self.head[end + 4 :]


def say(thing):
    sys.stdout.write(json.dumps(thing) + "\n")
    sys.stdout.flush()


def main():
    # Ctrl-C reaches the whole group of processes; the bench itself ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    job = json.loads(sys.stdin.readline())
    with open(job["image"], "rb") as file:
        image = file.read()
    context = ssl.create_default_context(cafile=job["ca"])
    context.check_hostname = False
    # Most ESP-IDF releases have TLS 1.3 off; one version for all servers in any case.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    run(job, context, image)


def run(job, context, image):
    count = job["count"]
    ends_at = time.monotonic() + job["secondsMax"]
    due = []  # (time, index, reader)
    begun = connected = wrong = failed = done = 0
    failures = []
    told = False
    paced_at = paced_from = 0.0
    checked_at = 0.0
    gone_length = 0
    while time.monotonic() < ends_at:
        now = time.monotonic()
        if now - checked_at > 0.05:
            checked_at = now
            if select.select([sys.stdin], [], [], 0)[0] and not os.read(sys.stdin.fileno(), 1):
                break
        while begun < count and begun - connected - failed < HANDSHAKES_AT_ONCE:
            try:
                heapq.heappush(due, (now, begun, Reader(job, context, image, begun)))
            except OSError as error:
                failed += 1
                failures.append(str(error))
            begun += 1
        if not told and connected + failed + wrong >= count:
            told = True
            paced_at = now
            paced_from = gone_length + sum(reader.received for _, _, reader in due)
            say({"connected": connected})
        if not due:
            if begun == count:
                break
            continue
        if due[0][0] > now:
            time.sleep(min(due[0][0] - now, 0.01))
            continue
        _, index, reader = heapq.heappop(due)
        was_handshake = reader.state == "handshake"
        try:
            next_at = reader.step(now)
        except ValueError as error:
            wrong += 1
            failures.append(str(error))
            next_at = None
        except OSError as error:
            failed += 1
            failures.append(str(error))
            next_at = None
        else:
            done += next_at is None
            connected += was_handshake and reader.state != "handshake"
        if next_at is None:
            gone_length += reader.received
            reader.socket.close()
        else:
            heapq.heappush(due, (next_at, index, reader))
    body_length = gone_length + sum(reader.received for _, _, reader in due)
    paced_seconds = time.monotonic() - paced_at
    say(
        {
            "report": {
                # Of each reader since all were connected: lower than asked for where this process cannot keep up.
                "bytesPerSecond": (body_length - paced_from) / paced_seconds / count if told else 0,
                "connected": connected,
                "complete": done,
                "bodyLength": body_length,
                "wrong": wrong,
                "failed": failed,
                "failures": failures[:3],
            }
        }
    )


main()
