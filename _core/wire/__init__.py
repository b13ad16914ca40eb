"""The protocol: what clients, the broker and controllers say to each other.

A message is a list of frames. Frame 0: two bytes, protocol version and kind. Frame 1: the envelope, MessagePack of one
typed record of this package. Further frames: bodies (a config as MessagePack of the raw dict, a program's bytes,
chunks of data), which are passed on untouched. Sizes, lengths and depths are bounded by name in `limits`.

The conversation, as a grammar (`C:` client, `B:` broker, `K:` controller; `*` any number of times)::

    client     = C:Request(Hello) B:Reply *exchange
    exchange   = C:Request B:Reply                  the reply carries a result, an error, or `pending`
               / C:Request B:Reply(pending) exchange    ask again with the SAME request_id
    controller = K:Report(Hello) B:Command(Welcome) B:Command(TakeInventory)
                 *K:Report(Progress) K:Report(Inventory) reconcile *work
               / K:Report(Hello) B:Command(Refuse)      e.g. its name was taken by a newer process
               / K:any B:Command(SayHello) controller   the broker was restarted
    reconcile  = *B:Command(Halt) *B:Command(Close) what is stale there
                 *B:Command(Open)                   each qm that claims ports there
                 *B:Command(Load)                   what was lost on the way
    work       = B:Command(Open / Close / DropResults)
               / B:Command(CompileProgram) K:Report(Compiled)
               / B:Command(Load) [K:Report(Lacking) B:Command(Load)] *K:Report(Progress) *K:Report(Status)
               / B:Command(Halt) K:Report(Status)   its final state; `canceled` also for a job that it does not hold
               / B:Command(FetchData) K:Report(FetchedData / FetchFailed)
               / K:Report(Standing)                 a job stands still: paused, or waiting for the outside
               / B:Command(Deliver) K:Report(Delivered / NotDelivered)
    ack        = K:Report(seq > 0) B:Command(Acknowledge)   later, in bulk; unacknowledged ones are sent again
    beat       = B:Beat / K:Beat                    each second, both ways
    listener   = *B:Event                           PUB; hints with a revision, at least one a second

Rules that hold everywhere:

- A reply says OK only when what it says is on disk. No reply in time means *unknown*, not *failed*: send the request
  again with the same `request_id` (`make_request_id`), it will not be done twice.
- A request before `Hello`, or after the broker was restarted, is refused with `hello_first`: say hello, send it again.
- A command is idempotent by (job, attempt), and carries the broker's epoch; a controller remembers the highest and
  refuses lower ones. A report about an attempt that is not the job's latest changes nothing.
- Job states: pending, loading, running, processing, then exactly one of completed, error, canceled, lost.

Where to find what: `requests` (what a client may ask, each with its result), `commands` (what the broker tells a
controller), `reports` (what a controller tells the broker), `parcels` (what is brought to a running job), `events`
(hints and beats), `records` (parts that messages
share), `faults` (errors on the wire), `frames` (encode, decode), `bodies` (digest, packed dicts), `limits`.
"""

from __future__ import annotations

from . import commands, events, limits, parcels, records, reports, requests
from .bodies import content_digest, measure_body, pack_plain, unpack_plain
from .commands import Command
from .events import Beat, Event, Hint
from .faults import exception_of, fault_of
from .frames import (
    answer,
    as_bytes,
    decode_command,
    decode_event,
    decode_reply,
    decode_report,
    decode_request,
    encode,
    refusal,
    result_of,
)
from .records import (
    FINAL_STATES,
    Fault,
    JobOptions,
    JobState,
    Overrides,
    Simulation,
    StreamSchema,
    StreamState,
    ThreadNeed,
)
from .reports import Report
from .requests import METHODS, RESULTS, Asks, JobInfo, Reply, Request


def make_request_id(now_ms: int, chance: str) -> str:
    """A request id from the time (milliseconds since 1970) and 4 to 32 letters or digits of chance.

    >>> make_request_id(1658058752694, "k3v9")
    '1658058752694-k3v9'
    """
    return f"{now_ms:013d}-{chance}"


__all__ = [
    "FINAL_STATES",
    "METHODS",
    "RESULTS",
    "Asks",
    "Beat",
    "Command",
    "Event",
    "Fault",
    "Hint",
    "JobInfo",
    "JobOptions",
    "JobState",
    "Overrides",
    "Reply",
    "Report",
    "Request",
    "Simulation",
    "StreamSchema",
    "StreamState",
    "ThreadNeed",
    "answer",
    "as_bytes",
    "commands",
    "content_digest",
    "decode_command",
    "decode_event",
    "decode_reply",
    "decode_report",
    "decode_request",
    "encode",
    "events",
    "exception_of",
    "fault_of",
    "limits",
    "make_request_id",
    "measure_body",
    "pack_plain",
    "parcels",
    "records",
    "refusal",
    "reports",
    "requests",
    "result_of",
    "unpack_plain",
]
