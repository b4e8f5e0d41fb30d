"""What Weir does for a cluster: reviews of pods at admission, and many files rewritten."""

import http.client
import json
import multiprocessing
import os
import random
import shutil
import signal
import ssl
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from . import machine
from .bench import Bench, Row, median
from .content import MIB
from .processes import Failed, Server, run

_PORT, _CONTROL_PORT = 19443, 19444
_CONNECTIONS = 8


class Cluster:
    def __init__(self, bench: Bench):
        self.bench = bench

    # MARK: Reviews

    def reviews(self, rate: int = 500, rules: int = 50, containers: int = 10) -> None:
        """An open loop: a review is due every 1/rate s, and its time counts from then, also where it had to wait.

        nginx takes the same reviews on the same core and answers them unread: what that takes is what the machine and
        the load take."""
        bodies = [_review(containers, seed) for seed in range(200)]
        stage = self.bench.stage
        servers = {"weir": self._webhook(rules), "nginx": stage.reviews_unread(_CONTROL_PORT, self._core())}
        try:
            for server in servers.values():
                server.start()
            _check(servers["weir"].port, bodies[0])
            for server in servers.values():
                self._load(server.port, bodies, rate, 2)
            before = servers["weir"].processor_seconds()
            rounds = self.bench.alternate({
                name: lambda _, server=server: self._load(server.port, bodies, rate, max(self.bench.seconds, 2))
                for name, server in servers.items()
            })
            used = servers["weir"].processor_seconds() - before
            resident = machine.peak_resident_bytes(servers["weir"].pid) / MIB
        finally:
            servers["weir"].stop()
            stage.forget(servers["nginx"])
        late = {name: median([_late(taken) for taken in samples]) for name, samples in rounds.items()}
        count = sum(map(len, rounds["weir"]))
        self.bench.rows += [
            Row(f"review of {containers} containers by {rules} rules, {rate}/s on one core: ms, p99",
                f"{late['weir']:.2f}", f"{late['nginx']:.2f}", target="≤ 3 ms", reached=late["weir"] <= 3,
                outside=late["weir"] > 50),
            Row("the same: CPU ms per review", f"{used * 1000 / count:.2f}"),
            Row("the same: peak resident memory, MiB", f"{resident:.1f}", target="≤ 60 MiB", reached=resident <= 60,
                outside=resident > 120),
        ]

    def _core(self) -> str:
        """A processor for the server; what measures has the others."""
        return str(min(os.sched_getaffinity(0)))

    def _webhook(self, rules: int) -> Server:
        folder = self.bench.work / "webhook"
        folder.mkdir(exist_ok=True)
        certificate, key = self.bench.stage.certificate()
        # The shapes that people write: globs, expressions, exceptions; the last ones match.
        listed = [
            {"name": f"r{index}", "match": {"registry": f"registry-{index}.corp", "repository": "team/*"},
             "exclude": [{"tag": ["latest", "*-dev"]}], "replace": "mirror.corp/r%d/{repository}" % index}
            if index % 2 else
            {"name": f"r{index}", "match": {"registry": f"/^(eu|us){index}[.]gcr[.]io$/"},
             "replace": "mirror.corp/g%d/{repository}" % index}
            for index in range(rules - 1)
        ]
        configuration = {
            "listen": "127.0.0.1:0", "storage": {"directory": str(folder / "store")},
            "rewrite": {"address": "weir.corp:5000", "all": True, "rules": listed},
            "webhook": {"listen": f"127.0.0.1:{_PORT}", "checkUpstream": False, "namespace": "weir",
                        "tls": {"certificate": str(certificate), "key": str(key)}},
            "log": {"level": "warning"},
        }
        path = folder / "weir.yaml"
        path.write_text(json.dumps(configuration))
        return Server(
            "weir webhook", _PORT,
            ["taskset", "-c", self._core(), self.bench.stage.weir_binary, "webhook", "--config", str(path)], folder / "log")

    def _load(self, port: int, bodies: list[bytes], rate: int, seconds: float) -> list[float]:
        """Each connection has a process of its own: threads of one interpreter wait up to 5 ms for each other."""
        begun = time.monotonic() + 0.3
        jobs = [(port, bodies, begun, rate, int(rate * seconds), index) for index in range(_CONNECTIONS)]
        # The harness ends by an exception when it is told to; its children just end.
        with ProcessPoolExecutor(
                _CONNECTIONS, multiprocessing.get_context("fork"), signal.signal, (signal.SIGTERM, signal.SIG_DFL)) as pool:
            return [each for mine in pool.map(_ask, jobs) for each in mine]

    # MARK: Files

    def files(self, count: int = 10_000) -> None:
        """Manifests of a repository rewritten in place."""
        folder = self.bench.work / "files"
        for index in range(count):
            path = folder / f"app-{index % 100}" / f"deployment-{index}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_manifest(index))
        begun = time.monotonic()
        run([self.bench.stage.weir_binary, "rewrite", "--address", "weir.corp:5000", "--in-place", str(folder)], 120)
        taken = time.monotonic() - begun
        sample = (folder / "app-7" / "deployment-7.yaml").read_text()
        shutil.rmtree(folder)
        if "weir.corp:5000/docker.io/library/nginx:7" not in sample:
            raise Failed("the files were not rewritten")
        self.bench.rows.append(
            Row(f"weir rewrite, {count:,} files in place: s", f"{taken:.2f}", target="≤ 5 s", reached=taken <= 5,
                outside=taken > 20))


def _ask(job: tuple[int, list[bytes], float, int, int, int]) -> list[float]:
    """Every eighth review of the open loop, over one connection, which is there when the first one is due."""
    port, bodies, begun, rate, count, first = job
    connection = _connection(port)
    connection.connect()
    taken = []
    for index in range(first, count, _CONNECTIONS):
        moment = begun + index / rate
        if (wait := moment - time.monotonic()) > 0:
            time.sleep(wait)
        connection.request("POST", "/mutate?timeout=5s", bodies[index % len(bodies)],
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise Failed(f"the webhook answered with status {answer.status}")
        taken.append(time.monotonic() - moment)
    connection.close()
    return taken


def _connection(port: int) -> http.client.HTTPSConnection:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)


def _late(taken: list[float]) -> float:
    """The 99th percentile in milliseconds."""
    return sorted(taken)[int(len(taken) * 0.99)] * 1000


def _check(port: int, body: bytes) -> None:
    connection = _connection(port)
    connection.request("POST", "/mutate", body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    if "patch" not in answer["response"]:
        raise Failed(f"a review was not answered with a patch: {answer}")


def _review(containers: int, seed: int) -> bytes:
    """A pod as a deployment's controller makes it, with what API servers add: some 15 kB."""
    chance = random.Random(seed)
    hosts = ["", "ghcr.io/org/", "quay.io/org/", "registry.k8s.io/", "other.corp/team-a/"]
    list_of = [{
        "name": f"c{index}", "image": f"{chance.choice(hosts)}app-{chance.randrange(200)}:1.{chance.randrange(50)}.0",
        "args": ["--verbose", "--port=8080"],
        "env": [{"name": f"VARIABLE_{each}", "value": "a value of some length"} for each in range(10)],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "volumeMounts": [{"name": "kube-api-access", "readOnly": True,
                          "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1},
        "terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent",
    } for index in range(containers)]
    pods = {"group": "", "version": "v1", "resource": "pods"}
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    return json.dumps({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": f"705ab4f5-6393-11e8-b7cc-{seed:012d}", "kind": kind, "resource": pods, "requestKind": kind,
            "requestResource": pods, "namespace": f"team-{seed % 10}", "operation": "CREATE",
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
            "object": {"kind": "Pod", "apiVersion": "v1",
                       "metadata": {"generateName": "web-", "labels": {"app": "web", "tier": "front"}},
                       "spec": {"containers": list_of, "restartPolicy": "Always", "schedulerName": "default-scheduler"},
                       "status": {}},
            "oldObject": None, "dryRun": False, "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    }).encode()


def _manifest(index: int) -> str:
    return f"""# Deployment number {index}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{index}
  labels: {{app: app-{index}}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: app-{index}}}
  template:
    metadata:
      labels: {{app: app-{index}}}
    spec:
      initContainers:
      - name: init
        image: "ghcr.io/org/init:{index}"  # first
      containers:
      - name: web
        image: nginx:{index}
        ports: [{{containerPort: 80}}]
        env:
        - {{name: A, value: "b"}}
      - name: side
        image: quay.io/org/side:1.{index}
"""
