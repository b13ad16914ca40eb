"""Requests on qms: open, close, list, configs."""

from __future__ import annotations

from typing import Any

import msgspec

from ..._core.errors import AskedWrongly, QuaymasterError, Taken
from ..._core.wire import Hint, commands, content_digest, pack_plain, requests, unpack_plain
from ..._core.wire import limits as wire_limits
from ..._core.wire.frames import as_bytes
from ..._core.wire.records import CloseMode
from .claims import Shape, effective_config, shape_of
from .cluster import Cluster
from .config_changes import changed_config
from .ending import cancel_now, cancel_pending
from .hardware import check_hardware
from .messages import Asked
from .ports import Conflict
from .rows import QmRow


class Answered(msgspec.Struct):
    """A result with bodies."""

    result: msgspec.Struct
    bodies: tuple[Any, ...]


DEFAULT_CLOSE_MODE: dict[str, CloseMode] = {"qop2": "all", "qop3": "if_needed"}


def open_qm(cluster: Cluster, asked: Asked, args: requests.OpenQm) -> requests.OpenedQm:
    """All ports on all controllers, or none; qms in the way are closed first if the close mode says so."""
    if len(asked.bodies) != 1:
        raise AskedWrongly("open_qm takes the config as its one body", code="bad_frame")
    body = as_bytes(asked.bodies[0])
    raw = unpack_plain(body)
    shape = shape_of(raw)
    check_controllers(cluster, shape)
    mode = args.close_mode or DEFAULT_CLOSE_MODE[cluster.api]
    leaving = _leaving(cluster, shape, mode)
    if conflicts := cluster.ports.conflicts(shape.ports, leaving):
        raise ports_error(cluster, conflicts)
    if len(cluster.qms) - len(leaving) >= wire_limits.OPEN_QMS:
        raise Taken(f"{len(cluster.qms)} qms are open, the limit OPEN_QMS", code="too_many_qms", hint="close some")

    digest = content_digest(body)
    identical = [qm_id for qm_id in leaving if cluster.qms[qm_id].opened_digest == digest]
    qm_id = _new_qm_id(cluster)
    cluster.by(asked.user, "open_qm", qm_id)
    closed = close(cluster, leaving, asked.user, f"{qm_id} was opened in its place")
    warnings = shape.warnings + _closing_warnings(closed, identical) + _offset_warnings(cluster, shape)
    for _, other, _, _ in cluster.ports.differing_offsets(shape.ports):
        cluster.hint(Hint(kind="qm", id=other, state="offset_changed", qm_id=qm_id))
    cluster.put_body(digest, body)
    row = QmRow(qm_id=qm_id, user=asked.user, opened_at_ms=cluster.now_ms, config_digest=digest, opened_digest=digest)
    cluster.put_qm(row, raw, shape)
    for controller in shape.controllers:
        cluster.send(controller, commands.Open(qm_id=qm_id, config_digest=digest), digest)
    return requests.OpenedQm(
        qm_id=qm_id, closed_qms=closed.qm_ids, canceled_jobs=closed.canceled_jobs, warnings=warnings
    )


def _leaving(cluster: Cluster, shape: Shape, mode: CloseMode) -> list[str]:
    if mode == "all":
        return list(cluster.qms)
    if mode == "if_needed":
        return sorted({conflict.qm_id for conflict in cluster.ports.conflicts(shape.ports)})
    return []


def _new_qm_id(cluster: Cluster) -> str:
    stamp = max(cluster.now_ms, cluster.meta.last_qm_ms + 1)
    cluster.put_meta(last_qm_ms=stamp)
    return f"qm-{stamp:013d}"


def check_controllers(cluster: Cluster, shape: Shape) -> None:
    """The controllers of a config must exist here, be of its types, and be connected."""
    if not shape.controllers:
        raise AskedWrongly("the config names no controller", code="no_controller", hint="add a `controllers` section")
    for name, (kind, fems) in shape.controllers.items():
        row = cluster.controllers.get(name)
        if row is None:
            known = ", ".join(f"{r.name} ({r.type})" for _, r in sorted(cluster.controllers.items())) or "none"
            raise AskedWrongly(
                f"the config names controller {name!r}; this cluster has {known}",
                code="unknown_controller",
                hint="name the controllers as the cluster does",
            )
        check_hardware(row, kind, fems)
        live = cluster.live.get(name)
        if live is None or not live.connected:
            raise Taken(
                f"controller {name} is not connected",
                code="controller_unavailable",
                hint="try again when it is back; `quaymaster status` shows it",
                details={"controller": name},
            )


def ports_error(cluster: Cluster, conflicts: list[Conflict]) -> QuaymasterError:
    """The refusal of an open: every conflict, who holds the port, since when, in the platform's words."""
    first = cluster.qms[conflicts[0].qm_id]
    lines = "; ".join(conflict.message for conflict in conflicts[:20])
    more = f"; and {len(conflicts) - 20} more" if len(conflicts) > 20 else ""
    disagreement = all(conflict.kind == "disagreement" for conflict in conflicts)
    return Taken(
        f"Resources already locked: {lines}{more} (held by {first.qm_id}, opened by {first.user})",
        code="ports_disagree" if disagreement else "ports_taken",
        hint="set the port as the other qm does"
        if disagreement
        else "mark the port shareable in both configs, close the other qm, or open with close_other_machines=True",
        details={
            "conflicts": [
                {
                    "group": "ports",
                    "path": conflict.port,
                    "message": conflict.message,
                    "qm_id": conflict.qm_id,
                    "user": cluster.qms[conflict.qm_id].user,
                    "since_ms": cluster.qms[conflict.qm_id].opened_at_ms,
                }
                for conflict in conflicts[:200]
            ]
        },
    )


def _closing_warnings(closed: requests.ClosedQms, identical: list[str]) -> list[str]:
    texts = [
        f"identical qm {qm_id} is closed" if qm_id in identical else f"qm {qm_id} is closed to open this one"
        for qm_id in closed.qm_ids
    ]
    return texts + [f"closing cancels job {job_id}" for job_id in closed.canceled_jobs[:100]]


def _offset_warnings(cluster: Cluster, shape: Shape) -> list[str]:
    return [
        f"port {port}: offset is {theirs} V in {qm_id} and {ours} V here; the last opener's holds"
        for port, qm_id, theirs, ours in cluster.ports.differing_offsets(shape.ports)[:100]
    ]


def close(cluster: Cluster, qm_ids: list[str], user: str, why: str) -> requests.ClosedQms:
    """Close these qms: what they hold is canceled at once, their ports are free."""
    canceled: list[str] = []
    for qm_id in qm_ids:
        held = [*cluster.processing.get(qm_id, ()), *([cluster.active[qm_id]] if qm_id in cluster.active else [])]
        pending = list(cluster.queues[qm_id])
        canceled += [*sorted(held), *pending]
        for job_id in pending:
            cancel_pending(cluster, cluster.jobs[job_id], user, why)
        for job_id in sorted(held):
            cancel_now(cluster, cluster.jobs[job_id], user, why)
        controllers = list(cluster.shapes[qm_id].controllers)
        cluster.drop_qm(qm_id)
        for controller in controllers:
            cluster.send(controller, commands.Close(qm_id=qm_id))
    return requests.ClosedQms(qm_ids=list(qm_ids), canceled_jobs=canceled)


def close_qm(cluster: Cluster, asked: Asked, args: requests.CloseQm) -> requests.ClosedQms:
    """Anyone may close any qm."""
    cluster.qm(args.qm_id)
    cluster.by(asked.user, "close_qm", args.qm_id)
    return close(cluster, [args.qm_id], asked.user, f"{args.qm_id} was closed")


def close_all_qms(cluster: Cluster, asked: Asked, args: requests.CloseAllQms) -> requests.ClosedQms:
    """Anyone may close all."""
    cluster.by(asked.user, "close_all_qms", "")
    return close(cluster, list(cluster.qms), asked.user, "all qms were closed")


def list_qms(cluster: Cluster, asked: Asked, args: requests.ListQms) -> requests.QmList:
    """Open qms, oldest first."""
    return requests.QmList(qm_ids=list(cluster.qms))


def get_qm(cluster: Cluster, asked: Asked, args: requests.GetQm) -> requests.QmInfo:
    """One open qm."""
    return qm_info(cluster, cluster.qm(args.qm_id))


def qm_info(cluster: Cluster, qm: QmRow) -> requests.QmInfo:
    """A qm as clients see it."""
    return requests.QmInfo(
        qm_id=qm.qm_id,
        opened_by=qm.user,
        opened_at_ms=qm.opened_at_ms,
        controllers=list(cluster.shapes[qm.qm_id].controllers),
        ports=list(cluster.ports.ports_of(qm.qm_id)),
        shared_with=sorted(cluster.ports.shared_between(qm.qm_id)),
        running_job=cluster.active.get(qm.qm_id),
        pending_jobs=len(cluster.queues[qm.qm_id]),
        config_digest=qm.config_digest,
    )


def get_config(cluster: Cluster, asked: Asked, args: requests.GetConfig) -> Answered:
    """The effective config as body."""
    qm = cluster.qm(args.qm_id)
    return _with_config(cluster, qm, [])


def _with_config(cluster: Cluster, qm: QmRow, warnings: list[str]) -> Answered:
    body = pack_plain(effective_config(cluster.shapes[qm.qm_id].config))
    return Answered(requests.ConfigFound(config_digest=qm.config_digest, warnings=warnings), (body,))


def set_config(cluster: Cluster, asked: Asked, args: requests.SetConfig) -> Answered:
    """Jobs that start later run against the changed config; the qm's ports stay what they are."""
    qm = cluster.qm(args.qm_id)
    raw = changed_config(cluster.raw_configs[qm.qm_id], args.changes)
    shape = shape_of(raw)
    cluster.by(asked.user, "set_config", qm.qm_id)
    body = pack_plain(raw)
    digest = content_digest(body)
    if digest != qm.config_digest:
        cluster.put_body(digest, body)
        qm = msgspec.structs.replace(qm, config_digest=digest)
        cluster.put_qm(qm, raw, shape)
        for controller in shape.controllers:
            cluster.send(controller, commands.Open(qm_id=qm.qm_id, config_digest=digest), digest)
    return _with_config(cluster, qm, [])
