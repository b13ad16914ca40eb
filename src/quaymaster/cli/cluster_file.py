"""The cluster file: which processes make a cluster, and where each listens; `deploy/cluster.toml` explains it.

An embedded cluster is described by the same record, written to its directory; so `quaymaster up` and processes started
by hand run the same programs.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from .._core.errors import AskedWrongly
from .._core.wire.records import LatencyProfile

ControllerType = Literal["opx", "opx+", "opx1000"]
PlantName = Literal["echo", "none", "loopback"]
PortNumber = Annotated[int, msgspec.Meta(ge=1, le=65533)]
ProcessName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]

CONTROLLERS_MAX = 64
"""A cluster file may name so many controllers."""


class BrokerEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[broker]`: clients use `port`, controllers `port` + 1, live views `port` + 2; jobs that name no
    latency profile have that one."""

    directory: str
    host: str = "127.0.0.1"
    port: PortNumber = 9510
    latency: LatencyProfile = "ideal"


class ControllerEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[controllers]]`: one simulated controller and what hangs behind its ports."""

    name: ProcessName
    type: ControllerType = "opx+"
    directory: str
    fems: dict[str, Literal["lf", "mw"]] = {}
    plant: PlantName = "echo"
    loopback: tuple[str, ...] = ()
    noise: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    trigger_period_ns: Annotated[int, msgspec.Meta(ge=0, le=2**62, multiple_of=4)] = 0
    photons: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^([0-9.e+-]+(:[0-9.e+-]+(:[0-9]+)?)?)?$")] = ""

    @property
    def plant_words(self) -> tuple[object, ...]:
        """What hangs behind its ports."""
        return (self.plant, self.loopback, self.noise, self.trigger_period_ns, self.photons)


class Cluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole cluster."""

    broker: BrokerEntry
    controllers: Annotated[tuple[ControllerEntry, ...], msgspec.Meta(min_length=1, max_length=CONTROLLERS_MAX)]

    def controller(self, name: str) -> ControllerEntry:
        """The entry of that name; AskedWrongly `unknown_controller` where there is none."""
        for entry in self.controllers:
            if entry.name == name:
                return entry
        names = ", ".join(entry.name for entry in self.controllers)
        raise AskedWrongly(f"no controller {name!r} in the cluster file; it has {names}", code="unknown_controller")

    def alike(self, entry: ControllerEntry) -> list[str]:
        """The other controllers with the same behind their ports."""
        others = [other for other in self.controllers if other is not entry]
        return [other.name for other in others if other.plant_words == entry.plant_words]

    def endpoint(self, offset: int) -> str:
        """0: for clients, 1: for controllers, 2: for live views."""
        return f"tcp://{self.broker.host}:{self.broker.port + offset}"


def read_cluster(path: Path) -> Cluster:
    """Read and check a cluster file; AskedWrongly `bad_cluster_file` says what is wrong with it and where."""
    try:
        cluster = msgspec.toml.decode(path.read_bytes(), type=Cluster)
    except OSError as error:
        raise AskedWrongly(f"cannot read the cluster file {path}: {error.strerror}", code="bad_cluster_file") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AskedWrongly(
            f"{path}: {error}", code="bad_cluster_file", hint="deploy/cluster.toml shows every entry"
        ) from None
    _check(cluster, str(path))
    return cluster


def _check(cluster: Cluster, where: str) -> None:
    names = [entry.name for entry in cluster.controllers]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise AskedWrongly(f"{where}: two controllers are named {doubled[0]!r}", code="bad_cluster_file")
    for entry in cluster.controllers:
        if entry.type != "opx1000" and entry.fems:
            raise AskedWrongly(f"{where}: {entry.name} is an {entry.type}, which has no FEMs", code="bad_cluster_file")
        bad = [slot for slot in entry.fems if slot not in {str(n) for n in range(1, 9)}]
        if bad:
            raise AskedWrongly(f"{where}: {entry.name}: FEM slots are 1 to 8, not {bad[0]!r}", code="bad_cluster_file")
        if entry.plant == "loopback" and not entry.loopback:
            raise AskedWrongly(
                f"{where}: {entry.name}: the loopback plant connects nothing",
                code="bad_cluster_file",
                hint='say what it connects, e.g. loopback = ["1>1:24"] (output > input : latency in ns)',
            )
        if entry.loopback:
            _check_cables(entry, names, where)


def _check_cables(entry: ControllerEntry, names: list[str], where: str) -> None:
    """Each can be read, and connects controllers that are there."""
    from ..controller.plant import parse_cables

    try:
        found = parse_cables(entry.loopback, [entry.name])
    except AskedWrongly as error:
        raise AskedWrongly(
            f"{where}: {entry.name}: {error.message}", code="bad_cluster_file", hint=error.hint
        ) from None
    strange = sorted({ref.controller for pair in [*found.analog, *found.digital] for ref in pair} - set(names))
    if strange:
        raise AskedWrongly(
            f"{where}: {entry.name}: a loopback names controller {strange[0]!r}; there is {', '.join(names)}",
            code="bad_cluster_file",
        )


EMBEDDED_NAMES = ("broker", "up", ".", "..")
"""Files and folders that `quaymaster up` has beside those of its controllers: none may have such a name."""

_SLOTS = re.compile(r"^(\d):(lf|mw)$")


def parse_controllers(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """`con1:opx+,con2:opx1000=1:lf,2:mw` -> (name, type, fems) of each; AskedWrongly `bad_controllers` otherwise.

    >>> parse_controllers("con1:opx+,con2:opx1000=1:lf,2:mw")
    [('con1', 'opx+', {}), ('con2', 'opx1000', {'1': 'lf', '2': 'mw'})]
    """
    found: list[tuple[str, str, dict[str, str]]] = []
    for part in text.split(","):
        if found and _SLOTS.match(part):
            slot, kind = part.split(":")
            if found[-1][2].setdefault(slot, kind) != kind:
                raise AskedWrongly(f"{found[-1][0]} has two FEMs in slot {slot}: {text!r}", code="bad_controllers")
            continue
        name, _, rest = part.partition(":")
        kind, _, first = rest.partition("=")
        match = _SLOTS.match(first) if first else None
        if not name or (kind or "opx+") not in ("opx", "opx+", "opx1000") or (first and not match):
            raise AskedWrongly(
                f"cannot read {part!r} in --controllers {text!r}",
                code="bad_controllers",
                hint="write e.g. con1:opx+,con2:opx1000=1:lf,2:mw",
            )
        found.append((name, kind or "opx+", {match[1]: match[2]} if match else {}))
    return found


def embedded_cluster(
    controllers: str,
    directory: Path,
    port: int,
    *,
    plant: str = "echo",
    loopback: list[str] | None = None,
    noise: float = 0.0,
    trigger_period_ns: int = 0,
    photons: str = "",
    latency: str = "ideal",
) -> Cluster:
    """The cluster that `quaymaster up` runs: all on loopback, each process in a folder of `directory`."""
    directory = directory.absolute()
    parsed = parse_controllers(controllers)
    if taken := [name for name, _, _ in parsed if name in EMBEDDED_NAMES]:
        raise AskedWrongly(
            f"a controller cannot be named {taken[0]!r}", code="bad_controllers", hint="name it e.g. con1"
        )
    entries = [
        {
            "name": name,
            "type": kind,
            "fems": fems,
            "directory": str(directory / name),
            "plant": plant,
            "loopback": loopback or [],
            "noise": noise,
            "trigger_period_ns": trigger_period_ns,
            "photons": photons,
        }
        for name, kind, fems in parsed
    ]
    broker = {"directory": str(directory / "broker"), "port": port, "latency": latency}
    raw = {"broker": broker, "controllers": entries}
    try:
        cluster = msgspec.convert(raw, Cluster)
    except msgspec.ValidationError as error:
        raise AskedWrongly(f"these options make no cluster: {error}", code="bad_controllers") from None
    _check(cluster, "--controllers")
    return cluster


def write_cluster(cluster: Cluster, path: Path) -> None:
    """Write a cluster as TOML that `read_cluster` reads back to an equal record."""
    lines = ["[broker]", *_entries(cluster.broker)]
    for entry in cluster.controllers:
        lines += ["", "[[controllers]]", *_entries(entry)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _entries(record: BrokerEntry | ControllerEntry) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in msgspec.structs.asdict(record).items()]


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # JSON's strings and numbers are TOML's too
    return msgspec.json.encode(value).decode()


def is_loopback(host: str) -> bool:
    """Whether an address stays on this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("10.0.0.1")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
