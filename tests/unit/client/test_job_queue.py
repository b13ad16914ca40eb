"""`qm.queue` against a connection without sockets."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from fake_connection import FakeConnection, job, jobs, queue_of

from quaymaster._core.errors import AskedWrongly, QuaymasterError, Taken
from quaymaster._core.program.codec import encode_program
from quaymaster._core.wire import content_digest, limits, requests
from quaymaster.client.exceptions import FailedToAddJobToQueueException, JobNotFoundError, PositionError
from quaymaster.client.job_queue import QmQueue
from quaymaster.client.jobs import QmPendingJob
from quaymaster.client.qua import program, wait


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection()


@pytest.fixture
def queue(connection: FakeConnection) -> QmQueue:
    return QmQueue(connection, "qm-1")


@pytest.fixture
def three(connection: FakeConnection) -> FakeConnection:
    """Three pending jobs: 12, 10, 11 by position, the second of bob."""
    infos = [job("12", position=1), job("10", position=2, user="bob"), job("11", position=3)]
    connection.on(requests.GetJobs, queue_of(*infos))
    connection.on(
        requests.GetQm,
        requests.QmInfo(
            qm_id="qm-1", opened_by="alice", opened_at_ms=0, controllers=["con1"], ports=[], pending_jobs=3
        ),
    )
    return connection


def waiting(cycles: int = 4, count: int = 1) -> Any:
    with program() as prog:
        for _ in range(count):
            wait(cycles, "q")
    return prog


def test_add_sends_the_program_and_its_digest(connection: FakeConnection, queue: QmQueue) -> None:
    """What is queued is the encoded tree, named by its content; note, seed and numerics travel with it."""
    connection.on(requests.AddJob, requests.JobAdded(job_id="41", position=1))
    prog = waiting()
    added = queue.add(prog, seed=np.int64(5), numerics="exact", note="first")
    (asked,) = connection.asked
    body = encode_program(prog.tree)
    assert connection.bodies == [(body,)]
    assert (asked.qm_id, asked.digest, asked.to_start, asked.note) == ("qm-1", content_digest(body), False, "first")
    assert (asked.options.seed, asked.options.numerics) == (5, "exact")
    assert isinstance(added, QmPendingJob)
    assert added.id == "41"


def test_add_to_start_says_so(connection: FakeConnection, queue: QmQueue) -> None:
    """`add_to_start` differs in one flag."""
    connection.on(requests.AddJob, requests.JobAdded(job_id="42", position=1))
    queue.add_to_start(waiting())
    assert connection.asked[0].to_start is True


def test_what_the_compiler_warns_of_is_logged(
    connection: FakeConnection, queue: QmQueue, caplog: pytest.LogCaptureFixture
) -> None:
    """A queued program's warnings, as those of `qm.compile`."""
    connection.on(requests.AddJob, requests.JobAdded(job_id="42", position=1, warnings=["there is no compile flag"]))
    with caplog.at_level(logging.WARNING, "quaymaster"):
        queue.add(waiting())
    assert "there is no compile flag" in caplog.text


def test_compiler_options_become_flags(connection: FakeConnection, queue: QmQueue) -> None:
    """Flags are taken from an object with `flags` or from a dict; others are refused by name."""
    from quaymaster.client import CompilerOptionArguments

    connection.on(requests.AddJob, requests.JobAdded(job_id="42", position=1))
    queue.add(waiting(), CompilerOptionArguments(flags=["auto-element-thread"]))
    queue.add(waiting(), {"flags": ["a"], "strict": True})
    assert [asked.options.flags for asked in connection.asked] == [["auto-element-thread"], ["a", "strict"]]
    with pytest.raises(AskedWrongly, match="numerics"):
        queue.add(waiting(), numerics="float")
    with pytest.raises(AskedWrongly, match="latency is ideal or opx"):
        queue.add(waiting(), latency="none")
    with pytest.raises(AskedWrongly, match="seed"):
        queue.add(waiting(), seed=2**80)
    with pytest.raises(AskedWrongly, match="seed"):
        queue.add(waiting(), seed=0.5)


def test_a_known_large_program_is_named_before_it_is_sent(connection: FakeConnection, queue: QmQueue) -> None:
    """The second time only the digest goes; a broker that has forgotten the program gets it."""
    unknown = AskedWrongly("not known here", code="unknown_program")
    added = [requests.JobAdded(job_id=str(n), position=1) for n in (1, 2, 3)]
    connection.on(requests.AddJob, [added[0], added[1], unknown, added[2]])
    prog = waiting(count=300)
    assert len(encode_program(prog.tree)) > 4096
    assert [queue.add(prog).id for _ in range(3)] == ["1", "2", "3"]
    assert [len(bodies) for bodies in connection.bodies] == [1, 0, 0, 1]


def test_a_refused_program_is_the_platforms_exception(connection: FakeConnection, queue: QmQueue) -> None:
    """A compile error raises FailedToAddJobToQueueException with its code, text and hint."""
    refusal = AskedWrongly("script.py:7: no element 'x'", code="compile_error", hint="look at line 7")
    connection.on(requests.AddJob, refusal)
    with pytest.raises(FailedToAddJobToQueueException, match=r"script.py:7") as caught:
        queue.add(waiting())
    assert (caught.value.code, caught.value.hint, caught.value.family) == (
        "compile_error",
        "look at line 7",
        "asked_wrongly",
    )


@pytest.mark.parametrize("nothing", [None, "p-1", 7, {"a": 1}])
def test_what_is_no_program_is_refused_before_it_is_sent(
    connection: FakeConnection, queue: QmQueue, nothing: Any
) -> None:
    """Anything but a program is refused in words, and nothing is asked."""
    with pytest.raises(QuaymasterError, match="program") as caught:
        queue.add(nothing)
    assert caught.value.code == "not_a_program"
    assert connection.asked == []


def test_add_compiled_carries_overrides(connection: FakeConnection, queue: QmQueue) -> None:
    """Overrides are numbers or samples, from numpy too; an empty list and other sections are refused."""
    connection.on(requests.AddJob, requests.JobAdded(job_id="9", position=1))
    queue.add_compiled("p-1", overrides={"waveforms": {"a": np.float64(0.25), "b": np.array([0.5, 1]), "c": [1, 0]}})
    (asked,) = connection.asked
    assert asked.program_id == "p-1"
    assert asked.digest == ""
    assert asked.overrides.waveforms == {"a": 0.25, "b": [0.5, 1.0], "c": [1.0, 0.0]}
    for wrong in ({"waveforms": {"a": []}}, {"pulses": {}}, {"waveforms": 3}):
        with pytest.raises(AskedWrongly) as caught:
            queue.add_compiled("p-1", overrides=wrong)
        assert caught.value.code == "bad_override"
    with pytest.raises(AskedWrongly, match="number"):
        queue.add_compiled("p-1", overrides={"waveforms": {"a": "x"}})


def test_a_note_that_is_too_long_is_refused_by_the_limits_name(connection: FakeConnection, queue: QmQueue) -> None:
    """Size limits are checked before anything is sent."""
    with pytest.raises(AskedWrongly, match="NOTE_CHARS"):
        queue.add(waiting(), note="x" * (limits.NOTE_CHARS + 1))
    assert connection.asked == []


def test_the_queue_lists_by_position(three: FakeConnection, queue: QmQueue) -> None:
    """`pending_jobs`, iteration, `get_at` and `[]` follow the positions, not the ids; count and len agree."""
    assert [pending.id for pending in queue.pending_jobs] == ["12", "10", "11"]
    assert [pending.id for pending in queue] == ["12", "10", "11"]
    assert (queue.get_at(2).id, queue[1].id, queue[np.int64(3)].id) == ("10", "12", "11")
    assert (queue.count, len(queue)) == (3, 3)
    assert isinstance(queue[1], QmPendingJob)
    assert bool(queue)


@pytest.mark.parametrize("position", [0, -1, 4, 10**9])
def test_positions_out_of_range_name_the_length(three: FakeConnection, queue: QmQueue, position: int) -> None:
    """The error is an IndexError, a ValueError and a JobNotFoundError, and says how many jobs there are."""
    for look in (queue.get_at, queue.__getitem__):
        with pytest.raises(PositionError, match="holds 3 jobs") as caught:
            look(position)
        assert isinstance(caught.value, IndexError)
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, JobNotFoundError)
        assert caught.value.details["length"] == 3


@pytest.mark.parametrize("position", ["1", None, 1.0, slice(0, 2)])
def test_positions_that_are_no_integers(three: FakeConnection, queue: QmQueue, position: Any) -> None:
    """Other things than integers are a TypeError that says what to use."""
    with pytest.raises(TypeError, match="integer from 1 on"):
        queue[position]


def test_get_finds_by_id(three: FakeConnection, queue: QmQueue) -> None:
    """`get` finds pending jobs alone; an unknown id is a JobNotFoundError, an empty one a ValueError."""
    assert queue.get("10").id == "10"
    with pytest.raises(JobNotFoundError, match="'99'"):
        queue.get("99")
    with pytest.raises(ValueError, match="empty"):
        queue.get("")


def test_get_by_user_id_is_a_tuple(three: FakeConnection, queue: QmQueue) -> None:
    """Jobs of one user, as a tuple, which may be empty."""
    assert [pending.id for pending in queue.get_by_user_id("alice")] == ["12", "11"]
    assert queue.get_by_user_id("carol") == ()


def test_removals_return_how_many(connection: FakeConnection, queue: QmQueue) -> None:
    """Each removal says which jobs in one way, and returns the number that the broker names."""
    connection.on(requests.RemoveJobs, requests.RemovedJobs(job_ids=["1", "2"]))
    assert queue.remove_by_id("1") == 2
    assert queue.remove_by_position(3, expected_job_id="77") == 2
    assert queue.remove_by_user_id("bob") == 2
    assert queue.clear() == 2
    by_id, by_position, by_user, clear = connection.asked
    assert by_id == requests.RemoveJobs(qm_id="qm-1", job_ids=["1"])
    assert by_position == requests.RemoveJobs(qm_id="qm-1", position=3, expected_job_id="77")
    assert by_user == requests.RemoveJobs(qm_id="qm-1", user_ids=["bob"])
    assert clear == requests.RemoveJobs(qm_id="qm-1", all=True)


def test_removing_what_is_not_there(three: FakeConnection, queue: QmQueue) -> None:
    """Positions below 1 are a ValueError at once; what the broker refuses comes in the platform's classes."""
    for position in (0, -2):
        with pytest.raises(ValueError, match="holds 3 jobs"):
            queue.remove_by_position(position)
    three.on(
        requests.RemoveJobs, AskedWrongly("position 9 is not in the queue, which holds 3 jobs", code="bad_position")
    )
    with pytest.raises(IndexError, match="3 jobs"):
        queue.remove_by_position(9)
    three.on(requests.RemoveJobs, AskedWrongly("no pending job", code="unknown_job"))
    with pytest.raises(JobNotFoundError):
        queue.remove_by_id("99")
    three.on(requests.RemoveJobs, Taken("position 1 holds job 12, not 10", code="job_moved"))
    with pytest.raises(Taken) as caught:
        queue.remove_by_position(1, expected_job_id="10")
    assert caught.value.code == "job_moved"


def test_an_empty_queue(connection: FakeConnection, queue: QmQueue) -> None:
    """Nothing pending: an empty tuple, no iteration, and errors that say 0 jobs."""
    connection.on(requests.GetJobs, jobs())
    assert queue.pending_jobs == ()
    assert [pending for pending in queue] == []  # noqa: C416  (list() would ask for the length too)
    with pytest.raises(IndexError, match="0 jobs"):
        queue[1]


def test_the_repr_says_whose_it_is(queue: QmQueue) -> None:
    """A repr without asking anybody."""
    assert repr(queue) == "<QmQueue of qm-1>"
