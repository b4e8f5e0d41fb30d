"""Nodes that share what they have: what a blob costs that a peer takes, and what a node costs that is only there."""

import http.client
import json
import shutil
import time

from . import machine
from .bench import Bench, Row, median, ratio
from .content import MIB
from .peers import UPSTREAM, WEIR, WEIR_BASE
from .processes import Failed, Server, run

HOST = "bench.example"
NODE, PEERS = 5010, 5020
# A tag, a manifest, a configuration and a layer each.
IMAGES, KEYS_PER_IMAGE = 1250, 4


class Nodes:
    def __init__(self, bench: Bench, manifest: str):
        self.bench, self.manifest = bench, manifest
        self.blob = bench.content.layers(manifest)[0]

    def served(self) -> None:
        """The same blob from `weir serve` and, to a peer, from `weir node`, each with a store of its own."""
        stage = self.bench.stage
        weir = self._filled("weir-nodes", [self.manifest])
        node = self._node(0, "weir-nodes")
        paths = {weir: f"{WEIR_BASE}/blobs/{self.blob}",
                 node: f"/v2/bench/x/blobs/{self.blob}?ns={HOST}"}
        for server, path in paths.items():
            server.start()
            self.bench.load("burst", server, 1, 60, path)
        costs = self.bench.alternate({
            server.name: lambda _, server=server, path=path: self.bench.bodies(server, path)
            for server, path in paths.items()
        })
        value = ratio(costs[node.name], costs[weir.name])
        self.bench.rows.append(Row(
            "blob of 64 MiB for a peer, plain: CPU s per GiB", f"{median(costs[node.name]):.3f}",
            ratio=f"{value:.2f} × weir serve's {median(costs[weir.name]):.3f}", target="≤ 1.15 × weir serve",
            reached=value <= 1.15, outside=value > 2))
        for server in paths:
            stage.forget(server, f"{server.name}-store")

    def idle(self, settle: float = 75, seconds: float = 60) -> None:
        """A node that has told its keys to peers: three others, whose records it keeps as well."""
        content, stage = self.bench.content, self.bench.stage
        images = [content.image(f"idle-{number}", [512]) for number in range(IMAGES)]
        weir = self._filled("weir-idle", images, [f"idle-{number}" for number in range(IMAGES)])
        stage.forget(weir)
        node, others = self._node(1, "weir-idle"), [self._node(number) for number in (2, 3, 4)]
        for server in (node, *others):
            server.start()
        keys = IMAGES * KEYS_PER_IMAGE
        self._until_told(node, keys)
        # What joining took is given back by then.
        time.sleep(settle)
        before = node.processor_seconds()
        time.sleep(seconds)
        load = (node.processor_seconds() - before) / seconds * 100
        resident = machine.resident_bytes(node.pid) / MIB
        self.bench.rows += [
            Row(f"node with {keys:,} keys told to 3 peers: MiB resident", f"{resident:.1f}", target="≤ 30 MiB",
                reached=resident <= 30, outside=resident > 60),
            Row("the same, idle: % of a core", f"{load:.2f}", target="≤ 1 %", reached=load <= 1, outside=load > 3),
        ]
        for server in (node, *others):
            stage.forget(server, f"{server.name}-store")

    def _filled(self, name: str, manifests: list[str], tags: list[str] | None = None) -> Server:
        """A `weir serve` whose store has these images, and which has been stopped; a node's is a copy of it."""
        stage = self.bench.stage
        weir = stage.weir(name, WEIR)
        weir.start()
        connection = http.client.HTTPConnection("127.0.0.1", weir.port, timeout=60)
        for manifest, reference in zip(manifests, tags or ["latest"] * len(manifests), strict=True):
            image = json.loads((self.bench.content.manifests / manifest).read_bytes())
            parts = [f"manifests/{reference}"]
            parts += [f"blobs/{each['digest']}" for each in (image["config"], *image["layers"])]
            for part in parts:
                connection.request("GET", f"{WEIR_BASE}/{part}")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise Failed(f"{weir.name} answers {answer.status} for {part}")
        connection.close()
        weir.stop()
        return weir

    def _node(self, number: int, store: str | None = None) -> Server:
        """`weir node` with a copy of the store, or with an empty one."""
        stage, name = self.bench.stage, f"weir-node-{number}"
        if store is not None:
            shutil.copytree(stage.store(store), stage.store(name))
        bootstrap = f"[/ip4/127.0.0.1/tcp/{PEERS + 1}]" if number > 1 else "[]"
        path = stage.work / f"{name}.yaml"
        path.write_text(f"""storage: {{ directory: {stage.store(name)}, limit: 60GiB }}
wellKnownRegistries: false
log: {{ access: false }}
rules:
  bench: {{ registry: "http://127.0.0.1:{UPSTREAM}", host: {HOST} }}
node:
  listen: 127.0.0.1:{NODE + number}
  store: {{ enabled: true }}
  directory: {stage.work / name}
  socket: {stage.work / name}.sock
  pages: []
  peers:
    listen: [/ip4/127.0.0.1/tcp/{PEERS + number}]
    advertise: [/ip4/127.0.0.1/tcp/{PEERS + number}]
    bootstrap: {bootstrap}
""")
        return stage._server(name, NODE + number, [stage.weir_binary, "node", "--config", str(path)])

    def _until_told(self, node: Server, keys: int) -> None:
        deadline = time.monotonic() + 120
        while (status := self._status(node))["advertisedKeys"] < keys or status["untoldKeys"]:
            if time.monotonic() > deadline:
                raise Failed(f"{status['advertisedKeys']} keys, of which {status['untoldKeys']} are untold")
            time.sleep(0.2)

    def _status(self, node: Server) -> dict:
        path = self.bench.stage.work / f"{node.name}.yaml"
        command = [self.bench.stage.weir_binary, "node", "status", "--json", "--config", str(path)]
        return json.loads(run(command, 20))
