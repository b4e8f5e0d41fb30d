"""usage: python3 -m compare WEIR LOAD DOCUMENT|- (from Benchmarks/run, which says what the variables mean)"""

import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from . import machine, report
from .bench import Bench
from .cluster import Cluster
from .cold import Cold
from .content import MIB, Content
from .hits import LAYER_BYTES, Hits
from .nodes import Nodes
from .peers import Stage
from .processes import Failed
from .state import State


def figures(bench: Bench, manifest: str, upstream, quick: bool) -> dict:
    hits, cold, state = Hits(bench, manifest), Cold(bench, upstream), State(bench)
    cluster, nodes = Cluster(bench), Nodes(bench, manifest)
    if quick:
        return {
            "start": state.start,
            "manifests": hits.manifests,
            "blobs": hits.blobs,
            "tls": hits.blobs_over_tls,
            "cold-30": lambda: cold.many_clients(30, 16 * MIB, 100, rounds=2),
        }
    return {
        "start": state.start,
        "manifests": hits.manifests,
        "blobs": hits.blobs,
        "tls": hits.blobs_over_tls,
        "cold-1": cold.one_client,
        "cold-30": lambda: cold.many_clients(30, 64 * MIB, 100),
        "cold-500": lambda: cold.many_clients(500, 8 * MIB, None),
        "far": lambda: cold.far_upstream(rounds=min(bench.rounds, 3)),
        "memory": lambda: state.memory_under_load(500, 10),
        "bad": lambda: state.bad_clients(500),
        "idle": lambda: state.idle_connections(manifest, 10_000),
        "large": lambda: state.large_catalogue(1_000_000, 100_000),
        "webhook": cluster.reviews,
        "files": cluster.files,
        "peers": nodes.served,
        "peers-idle": nodes.idle,
    }


def take(bench: Bench, name: str, figure, judges: bool) -> bool:
    """Takes a figure in place of what was taken of it before; returns whether that could be done, and, where it
    `judges`, whether nothing is far outside."""
    stage, servers, rows = bench.stage, list(bench.stage.servers), list(bench.rows)
    try:
        figure()
    except Failed as error:
        print(f"{name} failed: {error}", file=sys.stderr)
        return False
    except Exception:  # one figure's trouble is not the others'
        traceback.print_exc()
        return False
    finally:
        for server in [each for each in stage.servers if each not in servers]:
            stage.forget(server)
    new = bench.rows[len(rows):]
    taken = {row.figure for row in new}
    bench.rows[:] = [row for row in rows if row.figure not in taken] + new
    outside = [row.figure for row in new if row.outside and judges]
    for row in outside:
        print(f"far outside: {row}", file=sys.stderr)
    return not outside


def main() -> int:
    weir, load, document = sys.argv[1:]
    begun = time.monotonic()
    quick = os.environ.get("BENCH_QUICK") == "yes"
    rounds = int(os.environ.get("BENCH_ROUNDS", "3" if quick else "5"))
    seconds = float(os.environ.get("BENCH_SECONDS", "1" if quick else "2"))
    limit = float(os.environ.get("BENCH_LIMIT", "400" if quick else "900"))
    only = [each for each in os.environ.get("BENCH_ONLY", "").split(",") if each]
    # Ten thousand connections, and what is open beside them.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    work = Path(tempfile.mkdtemp(prefix="weir-bench-", dir=os.environ.get("BENCH_SCRATCH")))
    content = Content(work / "content")
    manifest = content.image("latest", [LAYER_BYTES])
    stage = Stage(work, content, weir)
    bench = Bench(work, stage, content, load, rounds, seconds, begun + limit)
    failures = []
    try:
        upstream = stage.upstream()
        upstream.start()
        todo = figures(bench, manifest, upstream, quick)
        if unknown := set(only) - set(todo):
            print(f"no such figures: {', '.join(sorted(unknown))}; there are {', '.join(todo)}", file=sys.stderr)
            return 64
        for name, figure in todo.items():
            if only and name not in only:
                continue
            print(f"{time.monotonic() - begun:5.0f} s  {name}", file=sys.stderr, flush=True)
            # On a busy machine a figure may be far outside once, and not three times.
            if not any(take(bench, name, figure, quick) for _ in range(3 if quick else 1)):
                failures.append(name)
    finally:
        stage.stop()
        shutil.rmtree(work, ignore_errors=True)

    print("\n" + report.plain(bench.rows))
    taken = f"{rounds} rounds of {seconds:g} s in {time.monotonic() - begun:.0f} s"
    print("\n" + taken)
    if document != "-" and not only and not failures:
        report.write(Path(document), bench.rows, machine.description(weir), taken)
    if failures:
        print(f"failed: {', '.join(failures)}", file=sys.stderr)
    return 1 if failures else 0


sys.exit(main())
