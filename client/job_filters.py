"""Filters of job listings, in the platform's words and ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast, get_args

from .._core.errors import AskedWrongly
from .._core.wire import JobState, limits, requests

_STATES_OF: Final[dict[str, tuple[str, ...]]] = {
    **{state: (state,) for state in get_args(JobState)},
    "in queue": ("pending", "loading"),
    "done": ("completed",),
    "cancelled": ("canceled",),
}


def job_filters(
    qm_ids: Any = (), job_ids: Any = (), user_ids: Any = (), description: str = "", status: Any = (), *, limit: int = 0
) -> requests.GetJobs:
    """The request for jobs that match all given filters; `description` is a part of the note, `status` one or more."""
    return requests.GetJobs(
        qm_ids=_names(qm_ids),
        job_ids=_names(job_ids),
        user_ids=_names(user_ids),
        note=description or "",
        states=states_of(status),
        limit=limit or limits.LIST_ITEMS,
    )


def states_of(status: str | Sequence[str] | None) -> list[JobState]:
    """Our states for the given ones. Raises AskedWrongly `bad_value`, naming what there is."""
    states: list[str] = []
    for word in _names(status):
        found = _STATES_OF.get(word.lower())
        if found is None:
            raise AskedWrongly(
                f"{word!r:.50} is no status of a job; there is {', '.join(_STATES_OF)}", code="bad_value"
            )
        states += found
    return cast("list[JobState]", list(dict.fromkeys(states)))


def _names(given: Any) -> list[str]:
    """One or several names, as strings."""
    if given is None:
        return []
    names = [given] if isinstance(given, (str, int)) else list(given)
    if len(names) > limits.LIST_ITEMS:
        raise AskedWrongly(
            f"{len(names)} names are beyond the limit LIST_ITEMS = {limits.LIST_ITEMS}", code="too_large"
        )
    return [str(name) for name in names]
