"""Pulls an image as containerd does: the tag's HEAD, the manifest, the configuration, then three layers at a time."""

import hashlib
import http.client
import json
import queue
import threading
import time

from .content import MANIFEST_TYPE
from .processes import Failed

PARALLEL_LAYERS = 3


def pull(port: int, base: str, tag: str, limit: float = 120) -> float:
    """Returns the seconds it took; every byte is verified."""
    begun = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit)
    connection.request("HEAD", f"{base}/manifests/{tag}", headers={"Accept": MANIFEST_TYPE})
    answer = connection.getresponse()
    answer.read()
    digest = answer.headers["Docker-Content-Digest"]
    # A registry that does not say it leaves the client to ask for the bytes by tag.
    manifest = _get(connection, f"{base}/manifests/{digest or tag}", digest, keep=True)
    document = json.loads(manifest)
    _get(connection, f"{base}/blobs/{document['config']['digest']}", document["config"]["digest"])
    layers: queue.SimpleQueue[str] = queue.SimpleQueue()
    for layer in document["layers"]:
        layers.put(layer["digest"])
    errors: list[Exception] = []
    workers = [
        threading.Thread(target=_worker, args=(port, base, layers, errors, limit), daemon=True)
        for _ in range(PARALLEL_LAYERS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(limit)
        if worker.is_alive():
            raise Failed(f"a pull took more than {limit:.0f} s")
    if errors:
        raise Failed(f"a pull failed: {errors[0]}")
    return time.monotonic() - begun


def _worker(port: int, base: str, layers: queue.SimpleQueue, errors: list[Exception], limit: float) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit)
    try:
        while True:
            digest = layers.get_nowait()
            _get(connection, f"{base}/blobs/{digest}", digest)
    except queue.Empty:
        pass
    except Exception as error:  # the thread's whole outcome
        errors.append(error)


def _get(connection: http.client.HTTPConnection, path: str, digest: str | None, keep: bool = False) -> bytes:
    connection.request("GET", path, headers={"Accept": f"{MANIFEST_TYPE}, */*"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise Failed(f"GET {path}: {answer.status} {answer.read(300)!r}")
    hasher, kept, buffer = hashlib.sha256(), bytearray(), bytearray(1 << 20)
    while count := answer.readinto(buffer):
        piece = memoryview(buffer)[:count]
        hasher.update(piece)
        if keep:
            kept += piece
    if digest and digest != f"sha256:{hasher.hexdigest()}":
        raise Failed(f"GET {path}: other bytes than the digest's")
    return bytes(kept)
