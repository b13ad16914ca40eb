"""A connection without sockets, for tests of the client alone: requests are recorded, answers are put there before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from quaymaster._core.errors import QuaymasterError
from quaymaster._core.wire import JobInfo, requests
from quaymaster.client.connection import Answer, WaitedLongEnough
from quaymaster.client.exceptions import platform_error

NEVER = object()
"""As an answer: the request stays parked until the caller's `wait_s` is over."""


class FakeConnection:
    """`on(kind, answer)` sets what requests of a kind get: a record, (record, bodies), an error, NEVER, a function."""

    address = "fake:1"
    closed = False
    user = "alice"

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.bodies: list[tuple[Any, ...]] = []
        self.waits: list[float] = []
        self.known_programs: set[str] = set()
        self.info = requests.ClusterInfo(
            version="9.9", api="qop2", capabilities=["queue"], controllers=[], instance="i", user="alice"
        )
        self._answers: dict[type, Any] = {}

    def on(self, kind: type, answer: Any) -> None:
        """What a request of this kind gets from now on; a list is used up one by one, the last one stays."""
        self._answers[kind] = list(answer) if isinstance(answer, list) else [answer]

    def ask(self, arguments: Any, *bodies: Any, wait_s: float = float("inf")) -> Answer[Any]:
        """The answer that was put there."""
        self.asked.append(arguments)
        self.bodies.append(bodies)
        self.waits.append(wait_s)
        answers = self._answers[type(arguments)]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(found, Callable):  # type: ignore[arg-type]
            found = found(arguments)
        if found is NEVER:
            assert wait_s != float("inf"), "this would wait for ever"
            raise WaitedLongEnough
        if isinstance(found, QuaymasterError):
            raise platform_error(found, str(type(arguments).__struct_config__.tag))
        if isinstance(found, tuple):
            return Answer(found[0], list(found[1]))
        return Answer(found, [])

    def close(self) -> None:
        """Closed."""
        self.closed = True


def job(job_id: str = "7", state: str = "pending", **fields: Any) -> JobInfo:
    """A job's record with the fields that a test does not care about."""
    defaults: dict[str, Any] = {"qm_id": "qm-1", "user": "alice", "added_at_ms": 1_658_058_752_694}
    if state == "pending":
        defaults["position"] = 1
    return JobInfo(job_id=job_id, state=state, **{**defaults, **fields})  # type: ignore[arg-type]


def jobs(*infos: JobInfo, total: int | None = None) -> requests.JobList:
    """A listing."""
    return requests.JobList(jobs=list(infos), total=len(infos) if total is None else total)


def queue_of(*infos: JobInfo) -> Callable[[Any], requests.JobList]:
    """Answers GetJobs as a queue of these pending jobs would."""

    def answer(asked: Any) -> requests.JobList:
        found: Sequence[JobInfo] = [
            info
            for info in infos
            if (not asked.job_ids or info.job_id in asked.job_ids)
            and (not asked.user_ids or info.user in asked.user_ids)
        ]
        return requests.JobList(jobs=list(found[: asked.limit]), total=len(found))

    return answer
