"""What is not cached yet: one client, many, and a far upstream."""

from .bench import Bench, Row, median, ratio
from .content import MIB
from .peers import BASE, SLOW_UPSTREAM, WEIR_BASE
from .processes import Failed
from .pull_client import pull


class Cold:
    def __init__(self, bench: Bench, upstream):
        self.bench, self.upstream = bench, upstream

    def _caches(self, with_registry: bool):
        stage = self.bench.stage
        caches = {stage.weir(): WEIR_BASE, stage.proxy_cache(): BASE}
        if with_registry:
            caches[stage.registry()] = BASE
        for server in caches:
            server.start()
        return caches

    def one_client(self) -> None:
        caches = self._caches(with_registry=True)
        blobs = [self.bench.content.blob(256 * MIB) for _ in range(self.bench.rounds)]

        def measure(server, base, index):
            before = server.processor_seconds()
            answer = self.bench.load("burst", server, 1, 60, f"{base}/blobs/{blobs[index]}")
            # docker-registry stores what it has sent only afterwards.
            server.rest()
            return answer["last_max"], answer["first_max"], (server.processor_seconds() - before) * 4

        runs = {server.name: lambda index, server=server, base=base: measure(server, base, index)
                for server, base in caches.items()}
        runs["upstream"] = lambda index: measure(self.upstream, BASE, index)
        samples = self.bench.alternate(runs)
        last = {name: [each[0] for each in values] for name, values in samples.items()}
        first = {name: [each[1] * 1000 for each in values] for name, values in samples.items()}
        costs = {name: [each[2] for each in values] for name, values in samples.items()}
        to_cache, to_registry = (ratio(last["weir"], last[name]) for name in ("nginx-cache", "docker-registry"))
        self.bench.rows += [
            Row("cold blob of 256 MiB, one client: s to last byte", f"{median(last['weir']):.2f}",
                f"{median(last['nginx-cache']):.2f}", f"{median(last['docker-registry']):.2f}",
                f"{to_cache:.2f} / {to_registry:.2f}", "≤ 0.8 × nginx, ≤ 0.7 × docker-registry",
                to_cache <= 0.8 and to_registry <= 0.7),
            self._first_byte(first),
            Row("cold blob of 256 MiB, one client: CPU s per GiB", f"{median(costs['weir']):.2f}",
                f"{median(costs['nginx-cache']):.2f}", f"{median(costs['docker-registry']):.2f}",
                f"{ratio(costs['weir'], costs['nginx-cache']):.2f} / "
                f"{ratio(costs['weir'], costs['docker-registry']):.2f}"),
        ]
        self._clear(caches, blobs)

    def _first_byte(self, first: dict[str, list[float]]) -> Row:
        later = median([a - b for a, b in zip(first["weir"], first["upstream"], strict=True)])
        return Row(
            "cold blob of 256 MiB, one client: ms to first byte", f"{median(first['weir']):.1f}",
            f"{median(first['nginx-cache']):.1f}", f"{median(first['docker-registry']):.1f}",
            f"{later:+.1f} ms to upstream's {median(first['upstream']):.1f}", "≤ 10 ms after the upstream's",
            later <= 10)

    def many_clients(self, clients: int, size: int, first_byte_limit: float | None, rounds: int | None = None) -> None:
        caches = self._caches(with_registry=False)
        rounds = rounds or self.bench.rounds
        transferred = self.bench.stage.transferred
        blobs = [self.bench.content.blob(size) for _ in range(rounds)]
        transfers: dict[str, list[float]] = {server.name: [] for server in caches}

        def measure(server, base, index):
            before = transferred(blobs[index])
            answer = self.bench.load("burst", server, clients, 120, f"{base}/blobs/{blobs[index]}")
            if answer["requests"] != clients or answer["unfinished"]:
                raise Failed(f"{server.name} served {answer['requests']} of {clients} clients")
            transfers[server.name].append((transferred(blobs[index], before + size) - before) / size)
            return answer["last_max"], answer["first_max"] * 1000

        samples = self.bench.alternate(
            {server.name: lambda index, server=server, base=base: measure(server, base, index)
             for server, base in caches.items()}, rounds)
        last = {name: [each[0] for each in values] for name, values in samples.items()}
        first = {name: [each[1] for each in values] for name, values in samples.items()}
        what = f"cold blob of {size // MIB} MiB, {clients} clients"
        ours, theirs = (max(transfers[name]) for name in ("weir", "nginx-cache"))
        wall = ratio(last["weir"], last["nginx-cache"])
        slowest = median(first["weir"])
        self.bench.rows += [
            Row(f"{what}: upstream transfers", f"{ours:.2f}", f"{theirs:.2f}", "", "", "1", 0.999 <= ours <= 1.001,
                outside=ours > 1.5),
            Row(f"{what}: s to last byte", f"{median(last['weir']):.2f}", f"{median(last['nginx-cache']):.2f}", "",
                f"{wall:.2f}", "≤ 1 × nginx", wall <= 1, outside=wall > 2),
            Row(f"{what}: slowest first byte, ms", f"{slowest:.0f}", f"{median(first['nginx-cache']):.0f}", "",
                f"{ratio(first['weir'], first['nginx-cache']):.2f}",
                f"≤ {first_byte_limit:.0f} ms" if first_byte_limit else "",
                slowest <= first_byte_limit if first_byte_limit else None),
        ]
        self._clear(caches, blobs)

    def far_upstream(self, rounds: int) -> None:
        """An image of eight layers, as common images have them: a large one, a few middling ones, some small."""
        stage = self.bench.stage
        layers = [each * MIB for each in (30, 48, 12, 2, 8, 1, 16, 4)]
        tags = [f"far-{index}" for index in range(rounds)]
        images = [self.bench.content.image(tag, layers) for tag in tags]
        slow = stage.slow_upstream(5 * MIB, 0.1)
        weir = stage.weir("weir-far", upstream=SLOW_UPSTREAM)
        slow.start()
        weir.start()
        samples = self.bench.alternate({
            "weir": lambda index: pull(weir.port, WEIR_BASE, tags[index]),
            "direct": lambda index: pull(slow.port, BASE, tags[index]),
        }, rounds)
        value = ratio(samples["weir"], samples["direct"])
        self.bench.rows.append(Row(
            f"cold pull, 8 layers, {sum(layers) // MIB} MiB, upstream 5 MiB/s per connection and 100 ms: s",
            f"{median(samples['weir']):.2f}", f"{median(samples['direct']):.2f} (direct)", "", f"{value:.2f}",
            "≤ 0.35 × direct", value <= 0.35))
        stage.forget(weir, "weir-far-store")
        stage.forget(slow)
        for image in images:
            for layer in self.bench.content.layers(image):
                self.bench.content.remove(layer)

    def _clear(self, caches, blobs: list[str]) -> None:
        folders = {"weir": "weir-store", "nginx-cache": "nginx-cache", "docker-registry": "registry"}
        for server in caches:
            self.bench.stage.forget(server, folders[server.name])
        for blob in blobs:
            self.bench.content.remove(blob)
