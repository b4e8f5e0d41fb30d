"""The table: on the terminal, and in docs/benchmarks.md between two marks."""

import datetime
from pathlib import Path

from .bench import Row

_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"
_HEADS = ["Figure", "Weir", "nginx", "docker-registry", "Weir / peer", "Target", "Reached"]


def cells(row: Row) -> list[str]:
    reached = {True: "yes", False: "**no**", None: ""}[row.reached]
    return [row.figure, row.weir, row.peer, row.registry, row.ratio, row.target, reached]


def plain(rows: list[Row]) -> str:
    table = [_HEADS, *(cells(row) for row in rows)]
    widths = [max(len(line[index]) for line in table) for index in range(len(_HEADS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table)


def write(document: Path, rows: list[Row], machine: list[tuple[str, str]], how: str) -> None:
    """Replaces what stands between the marks; the prose around them is people's."""
    lines = [_BEGIN, "", f"Measured on {datetime.date.today().isoformat()}, {how}.", ""]
    lines += ["| Machine | |", "|---|---|", *(f"| {name} | {value} |" for name, value in machine), ""]
    lines += ["| " + " | ".join(_HEADS) + " |", "|---|--:|--:|--:|--:|---|---|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    lines += ["", _END]
    text = document.read_text()
    before, begun, rest = text.partition(_BEGIN)
    _, ended, after = rest.partition(_END)
    if not begun or not ended:
        raise ValueError(f"{document} has no marks for the table")
    document.write_text(before + "\n".join(lines) + after)
