"""What is cached: small answers, and the processor's time for large ones."""

from .bench import Bench, Row, median, ratio
from .content import MIB
from .peers import BASE, WEIR_BASE, WEIR_TLS, negotiated
from .processes import Failed


class Hits:
    def __init__(self, bench: Bench, manifest: str):
        self.bench, self.manifest = bench, manifest
        self.blob = bench.content.layers(manifest)[0]

    def manifests(self) -> None:
        stage = self.bench.stage
        weir, files, registry = stage.weir(), stage.files(), stage.registry()
        for server in (weir, files, registry):
            server.start()
        for kind, reference in (("digest", self.manifest), ("tag", "latest")):
            paths = {weir: f"{WEIR_BASE}/manifests/{reference}"}
            for server in (files, registry):
                paths[server] = f"{BASE}/manifests/{reference}"
            for server, path in paths.items():
                self.bench.load("burst", server, 1, 20, path)
            samples = self.bench.alternate({
                server.name: lambda _, server=server, path=path: self.bench.small_answers(server, path)
                for server, path in paths.items()
            })
            rates = {name: [rate for rate, _ in values] for name, values in samples.items()}
            costs = {name: [cost for _, cost in values] for name, values in samples.items()}
            to_files, to_registry = (ratio(rates["weir"], rates[name]) for name in ("nginx", "docker-registry"))
            self.bench.rows += [
                Row(f"cached manifest by {kind}, 32 connections: requests/s", f"{median(rates['weir']):,.0f}",
                    f"{median(rates['nginx']):,.0f}", f"{median(rates['docker-registry']):,.0f}",
                    f"{to_files:.2f} / {to_registry:.1f}", "≥ 0.9 × nginx, ≥ 8 × docker-registry",
                    to_files >= 0.9 and to_registry >= 8,
                    # A busy machine takes from one's rate, and from nobody's processor time.
                    outside=to_files < 0.6 and ratio(costs["weir"], costs["nginx"]) > 1 / 0.6),
                Row(f"cached manifest by {kind}: CPU s per 100 000", f"{median(costs['weir']):.2f}",
                    f"{median(costs['nginx']):.2f}", f"{median(costs['docker-registry']):.2f}",
                    f"{ratio(costs['weir'], costs['nginx']):.2f} / "
                    f"{ratio(costs['weir'], costs['docker-registry']):.2f}"),
            ]
        stage.forget(registry)
        stage.forget(files)
        stage.forget(weir)

    def blobs(self) -> None:
        stage = self.bench.stage
        weir, files, registry = stage.weir(), stage.files(), stage.registry()
        paths = {weir: f"{WEIR_BASE}/blobs/{self.blob}", files: f"{BASE}/blobs/{self.blob}",
                 registry: f"{BASE}/blobs/{self.blob}"}
        for server, path in paths.items():
            server.start()
            for _ in range(2):
                self.bench.load("burst", server, 1, 60, path)
        costs = self.bench.alternate({
            server.name: lambda _, server=server, path=path: self.bench.bodies(server, path)
            for server, path in paths.items()
        })
        to_files = ratio(costs["weir"], costs["nginx"])
        self.bench.rows.append(Row(
            "cached blob of 64 MiB, plain: CPU s per GiB", f"{median(costs['weir']):.3f}",
            f"{median(costs['nginx']):.3f}", f"{median(costs['docker-registry']):.3f}",
            f"{to_files:.2f} / {ratio(costs['weir'], costs['docker-registry']):.2f}", "≤ 1.1 × nginx",
            to_files <= 1.1, outside=to_files > 1 / 0.6))
        for server in paths:
            stage.forget(server)

    def blobs_over_tls(self) -> None:
        stage = self.bench.stage
        weir = stage.weir("weir-tls", WEIR_TLS, tls=True)
        weir.start()
        protocol, cipher = negotiated(WEIR_TLS)
        files = stage.files_over_tls(cipher, protocol)
        files.start()
        if (theirs := negotiated(files.port)) != (protocol, cipher):
            raise Failed(f"nginx speaks {theirs}, Weir {(protocol, cipher)}")
        paths = {weir: f"{WEIR_BASE}/blobs/{self.blob}", files: f"{BASE}/blobs/{self.blob}"}
        for server, path in paths.items():
            self.bench.bodies_over_tls(server, path)
        costs = self.bench.alternate({
            server.name: lambda _, server=server, path=path: self.bench.bodies_over_tls(server, path)
            for server, path in paths.items()
        })
        value = ratio(costs["weir-tls"], costs["nginx-tls"])
        self.bench.rows.append(Row(
            f"cached blob of 64 MiB, {cipher}: CPU s per GiB", f"{median(costs['weir-tls']):.3f}",
            f"{median(costs['nginx-tls']):.3f}", "", f"{value:.2f}", "≤ 1.3 × nginx", value <= 1.3,
            outside=value > 2))
        for server in paths:
            stage.forget(server)


LAYER_BYTES = 64 * MIB
