"""Who holds which port: one table over all controllers.

Rules:
1. A port that is not shareable has at most one owner.
2. A port may have several owners only if every one's config says `shareable`, and all agree on what is physical.
3. A qm takes all its ports or none. A port counts as claimed when the config declares it, used by an element or not.
4. Sharers may differ in the offset: the last opener's holds, and both sides are told.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from .claims import Claim


class Conflict(msgspec.Struct, frozen=True):
    """Why one port cannot be given."""

    port: str
    qm_id: str
    kind: str  # "not_shareable" | "disagreement"
    message: str


class PortTable:
    """port -> owner -> claim."""

    def __init__(self) -> None:
        self._owners: dict[str, dict[str, Claim]] = {}
        self._ports_of: dict[str, dict[str, Claim]] = {}

    def conflicts(self, wanted: dict[str, Claim], leaving: Iterable[str] = ()) -> list[Conflict]:
        """All that stands in the way of these claims, once the qms `leaving` are gone."""
        gone = set(leaving)
        found = []
        for port, claim in wanted.items():
            for qm_id, held in self._owners.get(port, {}).items():
                if qm_id not in gone and (conflict := _conflict(port, claim, qm_id, held)):
                    found.append(conflict)
        return found

    def differing_offsets(self, wanted: dict[str, Claim]) -> list[tuple[str, str, float, float]]:
        """(port, sharer, its offset, the wanted one) wherever they differ."""
        return [
            (port, qm_id, held.offset or 0.0, claim.offset or 0.0)
            for port, claim in wanted.items()
            for qm_id, held in self._owners.get(port, {}).items()
            if (held.offset or 0.0) != (claim.offset or 0.0)
        ]

    def take(self, qm_id: str, claims: dict[str, Claim]) -> None:
        """Give all these ports to a qm. Call it only without conflicts."""
        self._ports_of[qm_id] = claims
        for port, claim in claims.items():
            self._owners.setdefault(port, {})[qm_id] = claim

    def free(self, qm_id: str) -> None:
        """Take all ports from a qm."""
        for port in self._ports_of.pop(qm_id, {}):
            owners = self._owners[port]
            del owners[qm_id]
            if not owners:
                del self._owners[port]

    def ports_of(self, qm_id: str) -> dict[str, Claim]:
        """The ports of a qm."""
        return self._ports_of.get(qm_id, {})

    def owners(self) -> dict[str, dict[str, Claim]]:
        """The whole table."""
        return self._owners

    def shared_between(self, qm_id: str) -> dict[str, list[str]]:
        """Other qm -> ports that this qm shares with it."""
        shared: dict[str, list[str]] = {}
        for port in self._ports_of.get(qm_id, {}):
            owners = self._owners[port]
            if len(owners) > 1:
                for other in owners:
                    if other != qm_id:
                        shared.setdefault(other, []).append(port)
        return shared


def _conflict(port: str, claim: Claim, qm_id: str, held: Claim) -> Conflict | None:
    if not (claim.shareable and held.shareable):
        who = "here" if not claim.shareable else f"in {qm_id}"
        text = f"port {port} cannot be used because it isn't shareable in other QM: {qm_id} holds it, and it is not"
        return Conflict(port, qm_id, "not_shareable", f"{text} marked shareable {who}")
    ours, theirs = claim.physical, held.physical
    differing = [name for name in sorted(ours | theirs) if ours.get(name) != theirs.get(name)]
    if not differing:
        return None
    words = ", ".join(
        f"{name} is {theirs.get(name, 'unset')} in {qm_id} and {ours.get(name, 'unset')} in the new qm"
        for name in differing
    )
    return Conflict(port, qm_id, "disagreement", f"port {port} can be set one way only: {words}")
