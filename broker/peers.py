"""Who is at the other end: users by connection, controllers by name."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

from .._core.errors import AskedWrongly
from .._core.wire import limits as wire_limits
from .._core.wire import reports

SESSIONS: Final = 10_000  # connections whose user is remembered; beyond it the oldest must say hello
CONTROLLERS: Final = 256
CONTROLLER_TYPES: Final = frozenset({"opx", "opx+", "opx1000"})


class Sessions:
    """routing id -> user, as named in hello (on loopback the name is believed)."""

    def __init__(self) -> None:
        self._users: OrderedDict[bytes, str] = OrderedDict()

    def greet(self, client: bytes, user: str) -> None:
        """A client names its user. Raises AskedWrongly (`bad_user`)."""
        if not user or user != user.strip() or not user.isprintable():
            raise AskedWrongly(f"{user[:40]!r} is not a user's name", code="bad_user", hint="give a printable name")
        self._users[client] = user
        self._users.move_to_end(client)
        if len(self._users) > SESSIONS:
            self._users.popitem(last=False)

    def user_of(self, client: bytes) -> str:
        """The user of a connection. Raises AskedWrongly (`hello_first`)."""
        user = self._users.get(client)
        if user is None:
            raise AskedWrongly(
                "say hello first: this broker does not know the connection",
                code="hello_first",
                hint="it may have been restarted; say hello, and send the request again with the same id",
            )
        return user


class Link(msgspec.Struct):
    """The connection of one controller."""

    name: str
    peer: bytes  # routing id
    instance: str
    heard_at: float  # monotonic seconds
    seq: int = 0  # reports up to this one are durable
    acknowledged: int = 0


class Links:
    """Controllers that are connected, and how far the reports of each instance have come."""

    def __init__(self) -> None:
        self.by_name: dict[str, Link] = {}
        self.by_peer: dict[bytes, Link] = {}
        self._seqs: OrderedDict[str, int] = OrderedDict()  # instance -> seq, for those that come back

    def welcome(self, peer: bytes, said: reports.Hello, now: float) -> tuple[Link, Link | None]:
        """A controller is here; gives its link, and the one whose name it takes over. Raises AskedWrongly."""
        if said.type not in CONTROLLER_TYPES:
            kinds = ", ".join(sorted(CONTROLLER_TYPES))
            raise AskedWrongly(
                f"there is no controller of type {said.type!r}; there is {kinds}", code="controller_type"
            )
        if not said.name or not said.name.isprintable():
            raise AskedWrongly(f"{said.name[:40]!r} is not a controller's name", code="bad_name")
        if len(self.by_name) >= CONTROLLERS and said.name not in self.by_name:
            raise AskedWrongly(f"{CONTROLLERS} controllers are connected, the limit", code="too_many_controllers")
        before = self.by_name.get(said.name)
        if before is not None:
            self.drop(before)
        link = Link(said.name, peer, said.instance, now, self._seqs.get(said.instance, 0))
        self.by_name[said.name] = link
        self.by_peer[peer] = link
        return link, before

    def drop(self, link: Link) -> None:
        """A connection ended."""
        self._seqs[link.instance] = link.seq
        if len(self._seqs) > 4 * CONTROLLERS:
            self._seqs.popitem(last=False)
        if self.by_name.get(link.name) is link:
            del self.by_name[link.name]
        if self.by_peer.get(link.peer) is link:
            del self.by_peer[link.peer]

    def forget(self, instance: str) -> None:
        """What an instance has reported is not to be relied on: it will send again all that it keeps."""
        self._seqs.pop(instance, None)

    def skip(self, instance: str, seq: int) -> None:
        """A report broke the core: it must not come back and break it for ever."""
        self._seqs[instance] = max(seq, self._seqs.get(instance, 0))

    def silent(self, now: float) -> list[Link]:
        """Controllers that have missed their heartbeats."""
        patience = wire_limits.HEARTBEATS_MISSED * wire_limits.HEARTBEAT_MS / 1000
        return [link for link in self.by_name.values() if now - link.heard_at > patience]
