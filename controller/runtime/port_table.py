"""Which qm holds which port of this controller: the controller's own check of the broker's account.

A port has one owner, unless all owners call it shareable and say the same about what is physical. A qm takes all of its
ports here, or none.
"""

from __future__ import annotations

from ..._core.config import Config, Port, PortClaim, ports_claimed, type_matches
from ..._core.errors import AskedWrongly, Taken


class PortTable:
    """Open qms with their claims on one controller."""

    def __init__(self, controller: str, controller_type: str) -> None:
        self._controller = controller
        self._type = controller_type
        self._claims: dict[str, dict[Port, PortClaim]] = {}
        self._digests: dict[str, str] = {}
        self._unconfirmed: set[str] = set()

    @property
    def qm_ids(self) -> list[str]:
        """Open qms, oldest first."""
        return list(self._claims)

    def is_open(self, qm_id: str) -> bool:
        """Whether the qm is known here."""
        return qm_id in self._claims

    def doubt(self) -> None:
        """A broker came (back): qms that it does not open again make way for those that it does."""
        self._unconfirmed = set(self._claims)

    def open(self, qm_id: str, config_digest: str, config: Config) -> None:
        """A qm takes its ports; a repeat changes nothing, another config replaces the claims.

        Raises AskedWrongly `wrong_controller_type`, Taken `port_taken`.
        """
        self._unconfirmed.discard(qm_id)
        if self._digests.get(qm_id) == config_digest:
            return
        controller = config.controllers.get(self._controller)
        if controller is not None and not type_matches(controller.type, self._type):
            raise AskedWrongly(
                f"{self._controller} is of type {self._type}, the config of {qm_id} says {controller.type}",
                code="wrong_controller_type",
            )
        claims = {port: claim for port, claim in ports_claimed(config).items() if port.controller == self._controller}
        for other in self._rivals(qm_id, claims):
            if other in self._unconfirmed:
                self.close(other)
            else:
                self._refuse(qm_id, other, claims)
        self._claims[qm_id] = claims
        self._digests[qm_id] = config_digest

    def close(self, qm_id: str) -> None:
        """A qm gives its ports back; an unknown one changes nothing."""
        self._claims.pop(qm_id, None)
        self._digests.pop(qm_id, None)
        self._unconfirmed.discard(qm_id)

    def _rivals(self, qm_id: str, claims: dict[Port, PortClaim]) -> list[str]:
        return [
            other
            for other, theirs in self._claims.items()
            if other != qm_id and any(not _agree(claims[port], theirs[port]) for port in claims.keys() & theirs.keys())
        ]

    def _refuse(self, qm_id: str, other: str, claims: dict[Port, PortClaim]) -> None:
        theirs = self._claims[other]
        ports = [str(port) for port in claims if port in theirs and not _agree(claims[port], theirs[port])]
        raise Taken(
            f"{qm_id} cannot have {', '.join(ports)}: held by {other}",
            code="port_taken",
            details={"ports": ports, "qm_id": other},
        )


def _agree(a: PortClaim, b: PortClaim) -> bool:
    return a.shareable and b.shareable and a.physical == b.physical
