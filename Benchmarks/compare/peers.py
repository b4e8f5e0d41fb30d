"""The programs that are compared, each with its configuration."""

import shutil
import subprocess
import time
from pathlib import Path

from .content import MANIFEST_TYPE, REPOSITORY, Content
from .processes import Failed, Server, run

UPSTREAM, SLOW_UPSTREAM = 5001, 5006
WEIR, REGISTRY, FILES, CACHE = 5000, 5002, 5003, 5004
WEIR_TLS, FILES_TLS = 5443, 5444

# Weir knows upstreams by rules; the rest of each path is the upstream's own.
WEIR_BASE = f"/v2/bench/{REPOSITORY}"
BASE = f"/v2/{REPOSITORY}"

_NGINX = """daemon off;
user root;
worker_processes auto;
worker_rlimit_nofile 16384;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 300s;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    {http}
}}
"""

_FILES = """map $uri $digest {{ ~(sha256:[0-9a-f]+)$ $1; {tags} }}
    server {{
        listen 127.0.0.1:{port}{options}; {extra}
        root {root};
        location = /v2/ {{ default_type application/json; return 200 "{{}}"; }}
        location ~ /manifests/ {{ types {{}} default_type {type}; add_header Docker-Content-Digest $digest; }}
        location / {{ types {{}} default_type application/octet-stream; add_header Docker-Content-Digest $digest; }}
    }}"""


class Stage:
    """Builds servers in one scratch folder, and stops them all."""

    def __init__(self, work: Path, content: Content, weir: str):
        self.work, self.content, self.weir_binary = work, content, weir
        self.servers: list[Server] = []

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()

    def _server(self, name: str, port: int, command: list[str], environment: dict[str, str] | None = None) -> Server:
        server = Server(name, port, command, self.work / f"{name}.log", environment)
        self.servers.append(server)
        return server

    def _nginx(self, name: str, port: int, http: str) -> Server:
        folder = self.work / name
        folder.mkdir(exist_ok=True)
        path = folder / "nginx.conf"
        path.write_text(_NGINX.format(folder=folder, http=http))
        return self._server(name, port, ["nginx", "-e", str(folder / "error.log"), "-c", str(path)])

    def _files(self, port: int, options: str = "", extra: str = "") -> str:
        tags = "".join(f"~/manifests/{tag}$ {digest}; " for tag, digest in self.content.tags.items())
        return _FILES.format(
            port=port, options=options, extra=extra, root=self.content.root, type=MANIFEST_TYPE, tags=tags)

    # The upstream that is never the bottleneck: files, with the answers that registries give.

    def upstream(self) -> Server:
        log = self.transfer_log
        extra = f"access_log {log} transfers;"
        http = "log_format transfers '$request_method $status $body_bytes_sent $uri';\n    " + self._files(
            UPSTREAM, extra=extra)
        return self._nginx("upstream", UPSTREAM, http)

    @property
    def transfer_log(self) -> Path:
        return self.work / "transfers.log"

    def transferred(self, digest: str, at_least: int = 0) -> int:
        """Bytes of a blob that the upstream has sent. It writes its log behind the last byte of each transfer, so
        that up to two seconds are waited for `at_least`, and a moment for whatever comes beside it."""
        limit = time.monotonic() + 2
        while self._logged(digest) < at_least and time.monotonic() < limit:
            time.sleep(0.01)
        time.sleep(0.05)
        return self._logged(digest)

    def _logged(self, digest: str) -> int:
        total = 0
        for line in self.transfer_log.read_text().splitlines():
            fields = line.split()
            if len(fields) == 4 and fields[0] == "GET" and fields[3].endswith(digest):
                total += int(fields[2])
        return total

    def files(self) -> Server:
        return self._nginx("nginx", FILES, self._files(FILES))

    def files_over_tls(self, cipher: str, protocol: str) -> Server:
        certificate, key = self.certificate()
        how = (f"ssl_conf_command Ciphersuites {cipher};" if protocol == "TLSv1.3" else f"ssl_ciphers {cipher};")
        extra = f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols {protocol}; {how}"
        return self._nginx("nginx-tls", FILES_TLS, self._files(FILES_TLS, " ssl", extra))

    def reviews_unread(self, port: int, core: str) -> Server:
        """Takes a webhook's requests over TLS, on one core, and answers them without a look."""
        certificate, key = self.certificate()
        server = self._nginx("nginx-reviews", port, f"""client_body_buffer_size 64k;
    server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
        location / {{ default_type application/json; return 200 "{{}}"; }}
    }}""")
        server.command = ["taskset", "-c", core, *server.command]
        return server

    def proxy_cache(self) -> Server:
        folder = self.work / "nginx-cache" / "content"
        # One transfer for all who wait, however long it takes: otherwise nginx lets them pass after 5 s.
        http = f"""proxy_cache_path {folder} levels=1:2 keys_zone=blobs:16m max_size=40g inactive=1h use_temp_path=off;
    upstream registry {{ server 127.0.0.1:{UPSTREAM}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{CACHE};
        location / {{
            proxy_pass http://registry; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_cache blobs; proxy_cache_valid 200 1h; proxy_cache_lock on;
            proxy_cache_lock_timeout 120s; proxy_cache_lock_age 120s;
        }}
    }}"""
        return self._nginx("nginx-cache", CACHE, http)

    def registry(self) -> Server:
        path = self.work / "registry.yml"
        path.write_text(f"""version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {self.work}/registry}}}}
http: {{addr: "127.0.0.1:{REGISTRY}"}}
proxy: {{remoteurl: "http://127.0.0.1:{UPSTREAM}"}}
""")
        return self._server(
            "docker-registry", REGISTRY, ["docker-registry", "serve", str(path)], {"OTEL_TRACES_EXPORTER": "none"})

    def weir(self, name: str = "weir", port: int = WEIR, upstream: int = UPSTREAM, tls: bool = False) -> Server:
        path = self.work / f"{name}.yaml"
        text = f"""listen: 127.0.0.1:{port}
storage: {{ directory: {self.store(name)}, limit: 60GiB }}
wellKnownRegistries: false
log: {{ access: false }}
freshness: {{ moving: 1h }}
timeouts: {{ idle: 10m }}
rules:
  bench: {{ registry: "http://127.0.0.1:{upstream}" }}
"""
        if tls:
            certificate, key = self.certificate()
            text += f"tls: {{ certificate: {certificate}, key: {key} }}\n"
        path.write_text(text)
        return self._server(name, port, [self.weir_binary, "serve", "--config", str(path)])

    def store(self, name: str) -> Path:
        return self.work / f"{name}-store"

    def slow_upstream(self, bytes_per_second: int, round_trip_seconds: float) -> Server:
        script = Path(__file__).with_name("slow_upstream.py")
        return self._server("slow-upstream", SLOW_UPSTREAM, [
            "python3", str(script), str(SLOW_UPSTREAM), str(self.content.root), str(bytes_per_second),
            str(round_trip_seconds), str(self.work / "slow-transfers.log")])

    def certificate(self) -> tuple[Path, Path]:
        certificate, key = self.work / "tls.crt", self.work / "tls.key"
        if not certificate.exists():
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                 "-keyout", str(key), "-out", str(certificate)], 20)
        return certificate, key

    def forget(self, server: Server, *folders: str) -> None:
        """Stops a server and removes what it keeps."""
        server.stop()
        self.servers.remove(server)
        for folder in folders:
            shutil.rmtree(self.work / folder, ignore_errors=True)


def negotiated(port: int) -> tuple[str, str]:
    """Protocol and cipher that a server agrees on with OpenSSL's own preferences, which are wrk's."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], input="", capture_output=True, text=True, timeout=20,
        check=False)
    for line in done.stdout.splitlines():
        if line.startswith("New, ") and "Cipher is" in line:
            return line.split(",")[1].strip(), line.rpartition(" ")[2]
    raise Failed("no TLS on port " + str(port))
