"""What is served: blobs and an image, as files under the paths that a registry has."""

import hashlib
import json
import os
from pathlib import Path

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
REPOSITORY = "bench/x"
MIB = 1 << 20


class Content:
    def __init__(self, root: Path):
        self.root = root
        self.blobs = root / "v2" / REPOSITORY / "blobs"
        self.manifests = root / "v2" / REPOSITORY / "manifests"
        self.blobs.mkdir(parents=True)
        self.manifests.mkdir(parents=True)
        # One random MiB is repeated: nothing on the way compresses or deduplicates, and what makes blobs differ is
        # their beginning.
        self._filler = os.urandom(MIB)
        self.tags: dict[str, str] = {}

    def blob(self, size: int) -> str:
        """Creates a blob that was never seen before; returns its digest."""
        hasher = hashlib.sha256()
        path = self.blobs / "new"
        with path.open("wb") as file:
            piece = os.urandom(min(size, 64))
            written = 0
            while piece:
                file.write(piece)
                hasher.update(piece)
                written += len(piece)
                piece = self._filler[: min(MIB, size - written)]
        return self._name(path, hasher)

    def _name(self, path: Path, hasher) -> str:
        digest = f"sha256:{hasher.hexdigest()}"
        path.rename(path.with_name(digest))
        return digest

    def remove(self, digest: str) -> None:
        (self.blobs / digest).unlink(missing_ok=True)

    def image(self, tag: str, layer_bytes: list[int]) -> str:
        """Creates an image of new layers; returns its manifest's digest."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "created": os.urandom(8).hex(),
                             "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        path = self.blobs / "new"
        path.write_bytes(config)
        descriptors = [self._descriptor("config.v1+json", self._name(path, hashlib.sha256(config)), len(config))]
        for size in layer_bytes:
            descriptors.append(self._descriptor("layer.v1.tar", self.blob(size), size))
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": descriptors[0],
                               "layers": descriptors[1:]}).encode()
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        (self.manifests / digest).write_bytes(manifest)
        (self.manifests / tag).write_bytes(manifest)
        self.tags[tag] = digest
        return digest

    def _descriptor(self, kind: str, digest: str, size: int) -> dict:
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": size}

    def layers(self, manifest: str) -> list[str]:
        return [each["digest"] for each in json.loads((self.manifests / manifest).read_bytes())["layers"]]
