"""`quaymaster status`: controllers, ports with owners, qms, queues."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.table import Table

from .._core.wire.requests import ClusterStatus, QmInfo
from ..client import QuantumMachinesManager
from .json_output import json_of

PORTS_SHOWN_MAX = 60
"""The table stops there; `--json` has them all."""


def show_status(host: str | None, port: int | None, as_json: bool) -> None:
    """Print the state of a cluster as tables, or as one JSON object."""
    with QuantumMachinesManager(host, port) as qmm:
        status = qmm.status()
    if as_json:
        print(json_of(status))
        return
    console = Console()
    console.print(f"quaymaster {status.version}, revision {status.revision}; jobs: {_counts(status.jobs)}")
    console.print(controllers_table(status))
    if status.qms:
        console.print(qms_table(status.qms))
        console.print(ports_table(status))
    else:
        console.print("no qm is open")


def _counts(jobs: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(jobs.items())) or "none"


def controllers_table(status: ClusterStatus) -> Table:
    """A row a controller: its kind, whether it is here, threads that run."""
    table = Table("controller", "type", "FEMs", "state", "threads in use", title="Controllers", title_justify="left")
    for info in status.controllers:
        fems = ", ".join(f"{slot}: {kind}" for slot, kind in sorted(info.fems.items())) or "-"
        used = ", ".join(
            f"{need.threads}" if not info.fems else f"fem {need.fem}: {need.threads}"
            for need in status.threads_used
            if need.controller == info.name
        )
        state = "connected" if info.connected else "[red]gone[/red]"
        table.add_row(info.name, info.type, fems, state, used or "0")
    return table


def qms_table(qms: list[QmInfo]) -> Table:
    """A row a qm: who opened it, what runs, how many wait."""
    table = Table("qm", "opened by", "since", "controllers", "running", "pending", title="Qms", title_justify="left")
    for qm in qms:
        since = datetime.fromtimestamp(qm.opened_at_ms / 1000).strftime("%Y-%m-%d %H:%M:%S")
        row = (qm.qm_id, qm.opened_by, since, ", ".join(qm.controllers), qm.running_job or "-", str(qm.pending_jobs))
        table.add_row(*row)
    return table


def ports_table(status: ClusterStatus) -> Table:
    """A row a claimed port: who holds it."""
    table = Table("port", "held by", "shareable", title="Ports", title_justify="left")
    for port in status.ports[:PORTS_SHOWN_MAX]:
        table.add_row(port.port, ", ".join(port.qm_ids), "yes" if port.shareable else "no")
    if len(status.ports) > PORTS_SHOWN_MAX:
        table.add_row(f"… and {len(status.ports) - PORTS_SHOWN_MAX} more", "", "")
    return table
