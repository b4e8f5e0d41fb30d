"""Child processes: started, awaited, measured, and stopped by their number."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import machine


class Failed(Exception):
    """The benchmark cannot go on; the text says why."""


class Server:
    def __init__(self, name: str, port: int, command: list[str], log: Path, environment: dict[str, str] | None = None):
        self.name, self.port, self.command, self.log = name, port, command, log
        self.environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen | None = None

    @property
    def pid(self) -> int:
        if self.process is None:
            raise Failed(f"{self.name} is not running")
        return self.process.pid

    def start(self, limit: float = 30) -> float:
        """Returns the seconds until it accepts connections."""
        with self.log.open("ab") as log:
            begun = time.monotonic()
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                start_new_session=True)
        while time.monotonic() - begun < limit:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return time.monotonic() - begun
            except OSError:
                time.sleep(0.001)
        raise Failed(f"{self.name} does not listen:\n" + self.log.read_text(errors="replace")[-2000:])

    def stop(self) -> None:
        if self.process is None:
            return
        for number, limit in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            if self.process.poll() is not None:
                break
            # Each leads a session of its own, so that workers end with it.
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                pass
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def processor_seconds(self) -> float:
        return machine.processor_seconds(self.pid)

    def rest(self, limit: float = 20) -> None:
        """Waits until it has come to rest and what was written is on the disk: who is measured next pays for neither."""
        os.sync()
        deadline, before = time.monotonic() + limit, self.processor_seconds()
        while time.monotonic() < deadline:
            time.sleep(0.1)
            now = self.processor_seconds()
            # The kernel counts in hundredths.
            if now - before < 0.015:
                return
            before = now


def run(command: list[str], limit: float, environment: dict[str, str] | None = None) -> str:
    """Returns what the command prints.

    It is killed after `limit` seconds, which is an error, as any status but 0 is.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, check=False,
            env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{command[0]} did not end within {limit:.0f} s") from error
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:4])} failed: {done.stderr[-500:]}")
    return done.stdout
