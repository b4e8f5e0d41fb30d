"""What Weir takes by being there: memory, time to start, connections, a large catalogue."""

import http.client
import socket
import subprocess
import time

from . import machine
from .bench import Bench, Row, median, ratio
from .catalogue import LargeCatalogue
from .content import MIB
from .peers import BASE, FILES, WEIR, WEIR_BASE
from .processes import Failed

GIB = 1 << 30
# Seconds after the start: its work is done, and what it took is given back.
AT_REST = 25


def ready_seconds(server) -> float:
    """Starts a server; returns the seconds until `/readyz` says yes."""
    begun = time.monotonic()
    server.start()
    while time.monotonic() - begun < 60:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return time.monotonic() - begun
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.001)
    raise Failed(f"{server.name} does not become ready")


class State:
    def __init__(self, bench: Bench):
        self.bench = bench

    def start(self) -> None:
        """An empty store each time, and what is resident a second later."""
        times, resident = [], []
        for index in range(max(self.bench.rounds, 5)):
            name = f"weir-start-{index}"
            weir = self.bench.stage.weir(name)
            times.append(ready_seconds(weir) * 1000)
            time.sleep(1)
            resident.append(machine.resident_bytes(weir.pid) / MIB)
            self.bench.stage.forget(weir, f"{name}-store")
        self.bench.rows += [
            Row("start to ready, empty: ms", f"{median(times):.0f}", target="≤ 150 ms", reached=median(times) <= 150,
                outside=median(times) > 1000),
            Row("resident memory, idle after start: MiB", f"{median(resident):.1f}", target="≤ 30 MiB",
                reached=median(resident) <= 30, outside=median(resident) > 60),
        ]

    def memory_under_load(self, clients: int, seconds: float) -> None:
        """Clients that take as much of a blob as they get in that time, cold and then warm."""
        stage = self.bench.stage
        peaks = {}
        for size in (GIB, 64 * MIB):
            weir = stage.weir("weir-memory")
            weir.start()
            blob = self.bench.content.blob(size)
            path = f"{WEIR_BASE}/blobs/{blob}"
            for kind in ("cold", "warm"):
                machine.reset_peak(weir.pid)
                self.bench.load("burst", weir, clients, seconds, path)
                peaks[size, kind] = machine.peak_resident_bytes(weir.pid) / MIB
            stage.forget(weir, "weir-memory-store")
            self.bench.content.remove(blob)
        for kind in ("cold", "warm"):
            peak = peaks[GIB, kind]
            self.bench.rows.append(Row(
                f"peak resident memory, {clients} clients on a {kind} blob of 1 GiB: MiB", f"{peak:.0f}",
                ratio=f"{peaks[64 * MIB, kind]:.0f} MiB with a blob of 64 MiB", target="≤ 120 MiB",
                reached=peak <= 120))

    def bad_clients(self, clients: int) -> None:
        """Some who read nothing among many who do; and half of all leaving at once."""
        weir = self.bench.stage.weir("weir-bad")
        weir.start()
        self._stalled(weir, clients)
        self._leaving(weir, clients)
        self.bench.stage.forget(weir, "weir-bad-store")

    def _stalled(self, weir, clients: int) -> None:
        stalled = clients // 10
        blobs = iter([self.bench.content.blob(8 * MIB) for _ in range(2 * self.bench.rounds)])

        def measure(count: int) -> float:
            path = f"{WEIR_BASE}/blobs/{next(blobs)}"
            answer = self.bench.load("burst", weir, clients + count, 120, path, stalled=count)
            if answer["requests"] != clients:
                raise Failed(f"{answer['requests']} of {clients} clients were served")
            return answer["last_max"]

        samples = self.bench.alternate({
            "stalled": lambda _: measure(stalled), "none": lambda _: measure(0)})
        value = ratio(samples["stalled"], samples["none"])
        self.bench.rows.append(Row(
            f"cold blob of 8 MiB, {clients} clients, and {stalled} that read nothing: s to last byte of the others",
            f"{median(samples['stalled']):.2f}", ratio=f"{value:.2f} of the time without those",
            target="not slowed (≤ 1.2)", reached=value <= 1.2))

    def _leaving(self, weir, clients: int) -> None:
        blob = self.bench.content.blob(GIB)
        path = f"{WEIR_BASE}/blobs/{blob}"
        time.sleep(1)
        before = machine.descriptors(weir.pid), machine.resident_bytes(weir.pid)
        halves = [
            subprocess.Popen(
                [self.bench.load_binary, "burst", str(weir.port), str(clients // 2), "60", path],
                stdout=subprocess.DEVNULL)
            for _ in range(2)
        ]
        try:
            limit = time.monotonic() + 30
            while machine.descriptors(weir.pid) < before[0] + clients and time.monotonic() < limit:
                time.sleep(0.05)
            halves[0].kill()
            begun = time.monotonic()
            # The fill has its own, and may just be adding connections.
            while machine.descriptors(weir.pid) > before[0] + clients // 2 + 16 and time.monotonic() < begun + 30:
                time.sleep(0.005)
            taken = time.monotonic() - begun
        finally:
            for half in halves:
                half.kill()
                half.wait()
        limit = time.monotonic() + 30
        while machine.descriptors(weir.pid) > before[0] + 16 and time.monotonic() < limit:
            time.sleep(0.05)
        grown = (machine.resident_bytes(weir.pid) - before[1]) / MIB
        self.bench.content.remove(blob)
        self.bench.rows += [
            Row(f"half of {clients} clients leave in the middle of a cold blob: s until their descriptors are free",
                f"{taken:.2f}", target="at once (≤ 1 s)", reached=taken <= 1),
            Row("all have left: descriptors more than before", f"{machine.descriptors(weir.pid) - before[0]}",
                ratio=f"{grown:+.1f} MiB resident", target="none but the fill's own",
                reached=machine.descriptors(weir.pid) <= before[0] + 16),
        ]

    def idle_connections(self, manifest: str, count: int) -> None:
        stage = self.bench.stage
        weir = stage.weir()
        files = stage.files()
        grown = {}
        for server, base in ((weir, WEIR_BASE), (files, BASE)):
            server.start()
            path = f"{base}/manifests/{manifest}"
            self.bench.load("burst", server, 32, 20, path)
            before = machine.resident_bytes(server.pid)
            held = subprocess.Popen(
                [self.bench.load_binary, "hold", str(server.port), str(count), "60", path],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                opened = self._line(held)
                grown[server.name] = (machine.resident_bytes(server.pid) - before) / count / 1024
                held.stdin.write("again\n")
                held.stdin.flush()
                served = self._line(held)
            finally:
                held.stdin.close()
                try:
                    held.wait(20)
                except subprocess.TimeoutExpired:
                    held.kill()
                    held.wait()
            for answer in (opened, served):
                if '"errors": 0' not in answer or f'"requests": {count}' not in answer:
                    raise Failed(f"{server.name} did not serve {count} kept connections: {answer}")
            stage.forget(server)
        self.bench.rows.append(Row(
            f"{count:,} idle keep-alive connections, all served again: KiB each", f"{grown['weir']:.1f}",
            f"{grown['nginx']:.1f}", ratio=f"{grown['weir'] / max(grown['nginx'], 0.01):.1f}", target="≤ 20 KiB",
            reached=grown["weir"] <= 20))

    def _line(self, process: subprocess.Popen) -> str:
        return process.stdout.readline()

    def large_catalogue(self, blobs: int, tags: int, lookups: int = 20_000) -> None:
        """Look-ups alternate with nginx's for one small file: what the machine takes to get to a process at all."""
        stage = self.bench.stage
        weir = stage.weir("weir-large")
        weir.start()
        empty = self._resident(weir, AT_REST)
        weir.stop()
        catalogue = LargeCatalogue(stage.store("weir-large"), blobs, tags, lookups)
        catalogue.fill()
        times = []
        for _ in range(3):
            weir.stop()
            times.append(ready_seconds(weir))
        full = self._resident(weir, AT_REST)
        files = stage.files()
        files.start()
        ours, theirs = self._look_up(catalogue.paths, f"{BASE}/manifests/latest")
        p99, control = (sorted(taken)[int(len(taken) * 0.99)] for taken in (ours, theirs))
        what = f"{blobs:,} blobs, {tags:,} tags"
        self.bench.rows += [
            Row(f"restart with {what}: s to ready", f"{median(times):.2f}", target="≤ 1 s", reached=median(times) <= 1),
            Row(f"{what}: look-ups not in memory, median ms", f"{median(ours):.2f}", f"{median(theirs):.2f}"),
            Row(f"{what}: look-ups not in memory, p99 ms", f"{p99:.2f}", f"{control:.2f}", target="≤ 1 ms",
                reached=p99 <= 1),
            Row(f"{what}: MiB resident after start", f"{full:.1f}", ratio=f"{empty:.1f} MiB when empty",
                target="does not grow with the catalogue", reached=full <= empty + 5),
            Row(f"{what}: MiB resident after {lookups:,} look-ups", f"{self._resident(weir):.0f}"),
        ]
        stage.forget(files)
        stage.forget(weir, "weir-large-store")

    def _resident(self, server, settle: float = 1) -> float:
        time.sleep(settle)
        return machine.resident_bytes(server.pid) / MIB

    def _look_up(self, paths: list[str], control: str) -> tuple[list[float], list[float]]:
        """Milliseconds of each HEAD, at Weir and at nginx."""
        taken: tuple[list[float], list[float]] = ([], [])
        connections = [socket.create_connection(("127.0.0.1", port), timeout=20) for port in (WEIR, FILES)]
        for path in paths:
            for connection, target, into in zip(connections, (path, control), taken, strict=True):
                request = f"HEAD {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
                begun = time.perf_counter()
                connection.sendall(request)
                answer = connection.recv(8192)
                into.append((time.perf_counter() - begun) * 1000)
                if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(b"\r\n\r\n"):
                    raise Failed(f"HEAD {target}: {answer[:200]!r}")
        for connection in connections:
            connection.close()
        return taken
