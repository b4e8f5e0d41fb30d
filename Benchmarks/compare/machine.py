"""What the kernel says of this machine and of running processes."""

import os
import platform
import re
import subprocess
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """A process and everything below it."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for children in Path(f"/proc/{current}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in children.read_text().split()]
            except OSError:
                pass
    return found


def processor_seconds(pid: int) -> float:
    """Used so far by a process and those below it, in user and kernel mode. The kernel counts nanoseconds of
    running and shows hundredths."""
    total = 0
    for each in tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _status(pid: int, name: str) -> int:
    total = 0
    for each in tree(pid):
        try:
            text = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue
        match = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
        total += int(match.group(1)) * 1024 if match else 0
    return total


def resident_bytes(pid: int) -> int:
    return _status(pid, "VmRSS")


def peak_resident_bytes(pid: int) -> int:
    return _status(pid, "VmHWM")


def descriptors(pid: int) -> int:
    return sum(len(os.listdir(f"/proc/{each}/fd")) for each in tree(pid))


def reset_peak(pid: int) -> None:
    for each in tree(pid):
        Path(f"/proc/{each}/clear_refs").write_text("5")


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return "absent"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else "silent"


def description(weir: str) -> list[tuple[str, str]]:
    """What may be published of this machine: no names of hosts, people or folders."""
    model, count = "unknown", os.cpu_count()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)) >> 10
    system = "unknown"
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            system = line.partition("=")[2].strip('"')
    # Without a vendor's own suffix.
    kernel = re.match(r"[0-9.]*", platform.release()).group()
    registry = _first_line("docker-registry", "--version").split()
    return [
        ("processor", f"{model}, {count} cores" + (", virtual" if _is_virtual() else "")),
        ("memory", f"{memory} MiB"),
        ("system", f"{system}, Linux {kernel}"),
        ("Weir", _first_line(weir, "--version")),
        ("nginx", _first_line("nginx", "-v").rpartition("/")[2]),
        ("docker-registry", registry[-1] if registry else "unknown"),
        ("load", "wrk " + _first_line("wrk", "-v").split()[1].removeprefix("debian/") + ", and Benchmarks/load"),
    ]


def _is_virtual() -> bool:
    return " hypervisor " in Path("/proc/cpuinfo").read_text().replace("\n", " ")
