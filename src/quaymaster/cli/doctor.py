"""`quaymaster doctor`: look for what could be wrong on this machine, and say what to do about it.

Each check is a small function that returns findings; none changes anything.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

from .._core.errors import AskedWrongly, QuaymasterError
from .embedded import default_directory

LIBZMQ_NEEDED = (4, 3, 5)
"""Older ones have memory errors that can be reached without authentication (CVE-2019-6250, CVE-2019-13132)."""
SQLITE_WAL_RESET_FIXED = (3, 52, 0)
"""Before it, two connections that write and checkpoint at one instant may damage a WAL store."""
FREE_BYTES_NEEDED = 1 << 30
CLOCK_YEAR_MIN = 2024


class Finding(NamedTuple):
    """One line of the examination."""

    level: Literal["ok", "note", "bad"]
    subject: str
    text: str
    next_step: str = ""


def versions() -> Iterator[Finding]:
    """Python, the package, and the libraries it stands on."""
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.platform()}")
    for name in ("quaymaster", "numpy", "pyzmq", "msgspec", "msgpack", "typer", "rich"):
        yield Finding("ok", name, metadata.version(name))
    import zmq

    found = zmq.zmq_version_info()
    if found < LIBZMQ_NEEDED:
        yield Finding("bad", "libzmq", f"{zmq.zmq_version()} is too old", "pip install --upgrade pyzmq")
    else:
        yield Finding("ok", "libzmq", zmq.zmq_version())
    if sqlite3.sqlite_version_info < SQLITE_WAL_RESET_FIXED:
        yield Finding("ok", "sqlite", f"{sqlite3.sqlite_version}; one connection does all writing, as its WAL needs")
    else:
        yield Finding("ok", "sqlite", sqlite3.sqlite_version)


def build() -> Iterator[Finding]:
    """The compiled engine loads."""
    try:
        from .._core.engine import machine
    except ImportError as error:
        yield Finding("bad", "engine", f"not built: {error}", "reinstall: pip install --force-reinstall quaymaster")
    else:
        yield Finding("ok", "engine", f"built, {Path(machine.__file__ or '').name}")


def clock() -> Iterator[Finding]:
    """The wall clock is plausible (ids are made from it) and the monotonic one moves."""
    year = time.gmtime().tm_year
    if year < CLOCK_YEAR_MIN:
        yield Finding("bad", "clock", f"the year is {year}", "set this machine's clock: ids come from it")
    before = time.monotonic_ns()
    time.sleep(0.01)
    moved_ms = (time.monotonic_ns() - before) / 1e6
    yield Finding("ok" if 9 < moved_ms < 1000 else "note", "clock", f"a sleep of 10 ms took {moved_ms:.1f} ms")


def store(directory: Path) -> Iterator[Finding]:
    """The state folder can be written, has room, and syncs in reasonable time."""
    where = directory
    while not where.exists():
        where = where.parent
    if not os.access(where, os.W_OK):
        yield Finding("bad", "store", f"{where} cannot be written", "give another --dir")
        return
    free = shutil.disk_usage(where).free
    level: Literal["ok", "bad"] = "ok" if free > FREE_BYTES_NEEDED else "bad"
    yield Finding(level, "disk", f"{free / 2**30:.1f} GiB free at {where}", "" if level == "ok" else "free some room")
    probe = where / f".quaymaster-doctor-{os.getpid()}"
    try:
        began = time.perf_counter()
        with probe.open("wb") as handle:
            handle.write(b"x" * 4096)
            os.fsync(handle.fileno())
        yield Finding("ok", "sync", f"4 KiB written and synced in {1e3 * (time.perf_counter() - began):.1f} ms")
    finally:
        probe.unlink(missing_ok=True)


def cluster(host: str | None, port: int | None) -> Iterator[Finding]:
    """Is the port free, or does a broker answer there?"""
    from ..client import QuantumMachinesManager

    address = (host or "127.0.0.1", port or 9510)
    with socket.socket() as probe:
        probe.settimeout(1)
        listening = probe.connect_ex(address) == 0
    if not listening:
        yield Finding("note", "cluster", f"nobody listens on {address[0]}:{address[1]}", "start one: quaymaster up")
        return
    try:
        with QuantumMachinesManager(*address, timeout=3) as qmm:
            status = qmm.status()
    except QuaymasterError as error:
        text = f"something listens on {address[0]}:{address[1]}, but it is no broker of ours: {error.message}"
        yield Finding("bad", "cluster", text, "end it, or use another --port")
        return
    yield Finding("ok", "cluster", f"quaymaster {status.version} on {address[0]}:{address[1]}")
    if status.version != metadata.version("quaymaster"):
        yield Finding("note", "cluster", f"it runs {status.version}, this is {metadata.version('quaymaster')}")
    for info in status.controllers:
        if info.connected:
            fems = "".join(f", {slot}: {kind}" for slot, kind in sorted(info.fems.items()))
            yield Finding("ok", info.name, f"{info.type}{fems}, connected")
        else:
            yield Finding("bad", info.name, f"{info.type}, gone", "start it: quaymaster controller NAME --cluster FILE")


def examine(host: str | None, port: int | None, directory: Path | None, as_json: bool) -> None:
    """Run all checks and print what they find; AskedWrongly `unhealthy` at the end if something is bad."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        versions,
        build,
        clock,
        lambda: store(directory or default_directory()),
        lambda: cluster(host, port),
    ]
    findings = [finding for check in checks for finding in check()]
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings]))
    else:
        for finding in findings:
            arrow = f"  -> {finding.next_step}" if finding.next_step else ""
            print(f"{finding.level:4}  {finding.subject:12} {finding.text}{arrow}")
    bad = [finding.subject for finding in findings if finding.level == "bad"]
    if bad:
        sys.stdout.flush()
        raise AskedWrongly(f"something is wrong with: {', '.join(bad)}", code="unhealthy", hint="see the lines above")
