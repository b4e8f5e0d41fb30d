"""A catalogue of a size that years of use give, written past Weir into the file that Weir made."""

import hashlib
import json
import os
import random
import sqlite3
import time
from pathlib import Path

from .content import MANIFEST_TYPE

REPOSITORIES = 1000
# Numbers that the catalogue has for media types.
_MANIFEST, _CONFIGURATION, _LAYER = 1, 7, 9
# Of every layer, in bytes: so few that the store is far from its limit.
_SIZE = 4096


class LargeCatalogue:
    """Every tag names an image of one configuration and layers. The manifests that are asked for have their files, so
    that they can be served. The other rows are without, which costs nothing until somebody asks for them."""

    def __init__(self, store: Path, blobs: int, tags: int, served: int):
        self.store, self.blob_count, self.tag_count = store, blobs, tags
        self._served = set(random.Random(1).sample(range(tags), served))
        # Half of the images by tag, half by digest, each once, so that nothing is answered from memory.
        self.paths: list[str] = []

    def fill(self) -> None:
        database = sqlite3.connect(self.store / "catalogue.sqlite", isolation_level=None)
        try:
            database.execute("PRAGMA synchronous = OFF")
            database.execute("PRAGMA cache_size = -200000")
            self._write(database)
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            database.close()

    def _write(self, database: sqlite3.Connection) -> None:
        # The triggers look rows up one by one; everything they keep is computed here instead.
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        database.execute("BEGIN")
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        self._rows(database)
        for _, text in triggers:
            database.execute(text)
        database.execute("COMMIT")

    def _rows(self, database: sqlite3.Connection) -> None:
        now = int(time.time() * 1000)
        per_image = max(1, (self.blob_count - 2 * self.tag_count) // self.tag_count)
        for prefix in range(256):
            (self.store / "blobs" / "sha256" / f"{prefix:02x}").mkdir(parents=True, exist_ok=True)
        database.executemany(
            "INSERT INTO repository (id, rule, name) VALUES (?, 'bench', ?)",
            ((index + 1, f"large/r{index}") for index in range(REPOSITORIES)))
        manifests, edges, blobs, tags = [], [], [], []
        for index in range(self.tag_count):
            repository = index % REPOSITORIES
            digests = [os.urandom(32) for _ in range(per_image + 1)]
            document = json.dumps({
                "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
                "config": self._descriptor("config.v1+json", digests[0]),
                "layers": [self._descriptor("layer.v1.tar+gzip", each) for each in digests[1:]],
            }).encode()
            digest = hashlib.sha256(document).digest()
            row = index + 1
            manifests.append((row, repository + 1, b"\1" + digest, len(document), now, now))
            for position, each in enumerate(digests):
                edges.append((row, position, repository + 1, 0 if position == 0 else 1, b"\1" + each, _SIZE,
                              _CONFIGURATION if position == 0 else _LAYER))
                blobs.append((b"\1" + each, _SIZE, now, now))
            blobs.append((b"\1" + digest, len(document), now, now))
            tags.append((repository + 1, f"v{index}.0.0", b"\1" + digest, len(document)))
            if index in self._served:
                self._file(digest, document)
                reference = f"v{index}.0.0" if len(self.paths) % 2 else f"sha256:{digest.hex()}"
                self.paths.append(f"/v2/bench/large/r{repository}/manifests/{reference}")
        random.Random(2).shuffle(self.paths)
        # In the order of their keys: that is what keeps a tree of a million random keys quick to build.
        blobs.sort()
        edges.sort()
        tags.sort()
        database.executemany(
            "INSERT INTO manifest (id, repository_id, digest, media_type, size, fetched_at, used_at) "
            f"VALUES (?, ?, ?, {_MANIFEST}, ?, ?, ?)", manifests)
        database.executemany("INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?)", edges)
        database.executemany(
            "INSERT INTO blob (digest, size, stored_at, used_at, reference_count) VALUES (?, ?, ?, ?, 1)", blobs)
        database.executemany(
            f"INSERT INTO tag VALUES (?, ?, ?, {_MANIFEST}, ?, {now})", tags)
        database.execute(
            "UPDATE total SET tags = ?, manifests = ?, blobs = ?, stored_bytes = ?",
            (len(tags), len(manifests), len(blobs), sum(each[1] for each in blobs)))

    def _descriptor(self, kind: str, digest: bytes) -> dict:
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest.hex()}", "size": _SIZE}

    def _file(self, digest: bytes, content: bytes) -> None:
        name = digest.hex()
        path = self.store / "blobs" / "sha256" / name[:2] / name
        path.write_bytes(content)
        seal = _seal(name, len(content))
        os.utime(path, (seal, seal))


def _seal(name: str, size: int) -> int:
    """The time of modification of a committed file (Sources/FilesystemBlobStore/Seal.swift)."""
    mixed = ((int(name[:16], 16) ^ size) * 0x9E37_79B9_7F4A_7C15) & 0xFFFF_FFFF_FFFF_FFFF
    return 978_307_200 + 2 * (mixed >> 36)
