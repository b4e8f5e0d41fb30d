"""A registry far away: usage: slow_upstream.py PORT ROOT BYTES_PER_SECOND ROUND_TRIP_SECONDS LOG

Writes a line to LOG for each transfer: when it began and ended, which bytes of how many, and of what.

Serves files as a registry does, with ranges. Each connection carries so many bytes a second at most, and each answer
begins a round trip after its request; the first one of a connection a second round trip later, for the handshake. How
TCP finds its speed on a long way is not imitated.
"""

import os
import re
import socket
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

SLICE = 64 << 10
STARTED = time.monotonic()
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


class Connection:
    def __init__(self, peer: socket.socket, root: Path, rate: int, round_trip: float, log):
        self.peer, self.root, self.rate, self.round_trip, self.log = peer, root, rate, round_trip, log
        self.free_at = 0.0

    def run(self) -> None:
        try:
            self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lines = self.peer.makefile("rb")
            time.sleep(self.round_trip)
            while request := lines.readline(8192):
                fields = {}
                while (line := lines.readline(8192)) not in (b"\r\n", b"\n", b""):
                    name, _, value = line.decode("latin-1").partition(":")
                    fields[name.strip().lower()] = value.strip()
                time.sleep(self.round_trip)
                method, target, _ = request.decode("latin-1").split(" ", 2)
                self.answer(method, target.partition("?")[0], fields)
        except (OSError, ValueError):
            pass
        finally:
            self.peer.close()

    def answer(self, method: str, target: str, fields: dict[str, str]) -> None:
        if target == "/v2/":
            self.send_head("200 OK", ["Content-Type: application/json"], 2)
            self.peer.sendall(b"{}")
            return
        path = self.root / target.lstrip("/")
        if ".." in target or not path.is_file():
            self.send_head("404 Not Found", [], 0)
            return
        size = path.stat().st_size
        start, end, status, extra = 0, size, "200 OK", []
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", fields.get("range", "")):
            start = int(match.group(1))
            end = min(int(match.group(2)) + 1, size) if match.group(2) else size
            if start >= size:
                self.send_head("416 Range Not Satisfiable", [f"Content-Range: bytes */{size}"], 0)
                return
            status, extra = "206 Partial Content", [f"Content-Range: bytes {start}-{end - 1}/{size}"]
        kind = MANIFEST_TYPE if "/manifests/" in target else "application/octet-stream"
        extra += [f"Content-Type: {kind}", "Accept-Ranges: bytes"]
        digest = path.name if path.name.startswith("sha256:") else f"sha256:{sha256(path.read_bytes()).hexdigest()}"
        extra += [f"Docker-Content-Digest: {digest}", f'ETag: "{digest}"']
        self.send_head(status, extra, end - start)
        if method == "HEAD":
            return
        begun, first = time.monotonic(), start
        with path.open("rb") as file:
            try:
                while start < end:
                    self.wait()
                    start += self.pace(os.sendfile(self.peer.fileno(), file.fileno(), start, min(SLICE, end - start)))
            finally:
                self.log.write(
                    f"{begun - STARTED:.2f} {time.monotonic() - STARTED:.2f} {first}-{start} of {end} {target}\n")

    def wait(self) -> None:
        rest = self.free_at - time.monotonic()
        if rest > 0:
            time.sleep(rest)

    def pace(self, count: int) -> int:
        self.free_at = max(self.free_at, time.monotonic() - 0.02) + count / self.rate
        return count

    def send_head(self, status: str, fields: list[str], length: int) -> None:
        head = "\r\n".join([f"HTTP/1.1 {status}", *fields, f"Content-Length: {length}", "", ""])
        self.peer.sendall(head.encode())


def main() -> None:
    port, root, rate, round_trip, log = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=256)
    with open(log, "a", buffering=1, encoding="ascii") as transfers:
        while True:
            peer, _ = listener.accept()
            connection = Connection(peer, Path(root), int(rate), float(round_trip), transfers)
            threading.Thread(target=connection.run, daemon=True).start()


main()
