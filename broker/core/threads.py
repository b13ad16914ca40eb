"""The account of threads: one per FEM of each controller, over all jobs that load or run there, whatever their qm."""

from __future__ import annotations

from collections.abc import Iterable

from ..._core.wire import ThreadNeed


class ThreadAccount:
    """(controller, fem) -> threads taken, and by whom."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, int], dict[str, int]] = {}

    def take(self, job_id: str, needs: Iterable[ThreadNeed]) -> None:
        """Book a job's threads."""
        for need in needs:
            if need.threads:
                self._taken.setdefault((need.controller, need.fem), {})[job_id] = need.threads

    def give_back(self, job_id: str, needs: Iterable[ThreadNeed]) -> None:
        """Undo `take`."""
        for need in needs:
            self._taken.get((need.controller, need.fem), {}).pop(job_id, None)

    def used(self, controller: str, fem: int) -> int:
        """Threads taken on a FEM."""
        return sum(self._taken.get((controller, fem), {}).values())

    def users(self, controller: str, fem: int) -> dict[str, int]:
        """Job -> threads it has taken on a FEM."""
        return self._taken.get((controller, fem), {})

    def all_used(self) -> list[ThreadNeed]:
        """The account, entries above zero."""
        return [
            ThreadNeed(controller=controller, fem=fem, threads=sum(jobs.values()))
            for (controller, fem), jobs in sorted(self._taken.items())
            if jobs
        ]
