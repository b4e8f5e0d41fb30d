"""What all figures share: the stage, the load, alternation, and the table's rows."""

import json
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .content import MANIFEST_TYPE, Content
from .peers import Stage
from .processes import Failed, Server, run


@dataclass
class Row:
    """One figure against its target; ratios are medians of the rounds' ratios."""

    figure: str
    weir: str
    peer: str = ""
    registry: str = ""
    ratio: str = ""
    target: str = ""
    # None where nothing was promised.
    reached: bool | None = None
    # So far from the target that no noise of a shared machine explains it: `make bench-quick` fails.
    outside: bool = False


@dataclass
class Bench:
    work: Path
    stage: Stage
    content: Content
    load_binary: str
    rounds: int
    seconds: float
    deadline: float
    rows: list[Row] = field(default_factory=list)

    # MARK: Load

    def load(
        self, mode: str, server: Server, clients: int, seconds: float, *paths: str, stalled: int = 0
    ) -> dict:
        """Benchmarks/load; bounded by `seconds`. Of the clients so many are `stalled`: they read an answer's head."""
        answer = json.loads(run(
            [self.load_binary, mode, str(server.port), str(clients), str(seconds), *paths], seconds + 60,
            {"LOAD_STALLED": str(stalled)}))
        if answer["errors"]:
            raise Failed(
                f"{server.name}: {answer['errors']} of {clients} clients failed at {paths[0]}, "
                f"the last with status {answer['status']}")
        return answer

    def small_answers(self, server: Server, path: str, connections: int = 32) -> tuple[float, float]:
        """Returns requests a second, and processor seconds for 100 000 of them."""
        before = server.processor_seconds()
        requests, _, seconds = self._wrk(f"http://127.0.0.1:{server.port}{path}", connections, self.seconds)
        return requests / seconds, (server.processor_seconds() - before) * 100_000 / requests

    def bodies(self, server: Server, path: str, connections: int = 4) -> float:
        """Returns processor seconds per GiB."""
        before = server.processor_seconds()
        answer = self.load("repeat", server, connections, self.seconds, path)
        return (server.processor_seconds() - before) * (1 << 30) / answer["bytes"]

    def bodies_over_tls(self, server: Server, path: str, connections: int = 4) -> float:
        before = server.processor_seconds()
        _, count, _ = self._wrk(f"https://127.0.0.1:{server.port}{path}", connections, self.seconds * 2)
        return (server.processor_seconds() - before) * (1 << 30) / count

    def _wrk(self, address: str, connections: int, seconds: float) -> tuple[int, int, float]:
        script = Path(__file__).parent.parent / "report.lua"
        text = run(["wrk", "-t", "1", "-c", str(connections), "-d", f"{max(1, round(seconds))}s", "--timeout", "30s",
                    "-H", f"Accept: {MANIFEST_TYPE}, */*", "-s", str(script), address], seconds + 60)
        match = re.search(r"^RESULT (\d+) (\d+) ([\d.]+) (\d+)$", text, re.MULTILINE)
        # Of large bodies perhaps none is whole by then.
        if match is None or int(match.group(4)) or not int(match.group(2)):
            raise Failed(f"wrk failed at {address}:\n{text}")
        return int(match.group(1)), int(match.group(2)), float(match.group(3))

    # MARK: Rounds

    def alternate(self, runs: dict[str, Callable[[int], Any]], rounds: int | None = None) -> dict[str, list[Any]]:
        """Runs each in turn, round after round, beginning with another one each time."""
        samples: dict[str, list[Any]] = {name: [] for name in runs}
        names = list(runs)
        for index in range(rounds or self.rounds):
            for name in names[index % len(names):] + names[:index % len(names)]:
                if time.monotonic() > self.deadline:
                    raise Failed("out of time")
                samples[name].append(runs[name](index))
        return samples


def median(values: list[float]) -> float:
    return statistics.median(values)


def ratio(weir: list[float], peer: list[float]) -> float:
    """The median of the rounds' ratios: what slows the machine for a while slows both."""
    return statistics.median(a / b for a, b in zip(weir, peer, strict=True))
