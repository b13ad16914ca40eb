"""What the broker tells a controller. Every command is idempotent: a repeat of what is already so changes nothing."""

from __future__ import annotations

from .parcels import Parcels
from .records import Digest, Fault, JobOptions, Name, Names, Overrides, Raw, Record, Simulation


class Action(Record, frozen=True, kw_only=True, tag_field="action"):
    """What is to be done."""


class Welcome(Action, frozen=True, kw_only=True, tag="welcome"):
    """Answers a controller's hello: reports up to `seq` have arrived, send the rest again, then go on."""

    broker: Name  # instance of the broker's store
    seq: int
    heartbeat_ms: int


class Open(Action, frozen=True, kw_only=True, tag="open"):
    """A qm claims its ports. Body 0: the effective config, MessagePack of the raw dict."""

    qm_id: Name
    config_digest: Digest


class Close(Action, frozen=True, kw_only=True, tag="close"):
    """A qm is gone: free its ports; halt what still runs for it."""

    qm_id: Name


class CompileProgram(Action, frozen=True, kw_only=True, tag="compile"):
    """Compile a program (body 0) against a config (body 1); answered by `reports.Compiled`."""

    compile_id: Name
    qm_id: Name
    program_digest: Digest
    config_digest: Digest
    options: JobOptions = JobOptions()


class Load(Action, frozen=True, kw_only=True, tag="load"):
    """Make a job ready, and start it if `start`.

    Body 0: the program, or empty where the controller has it from `compile` or an earlier load. Body 1: the config, or
    empty where the qm's own config of that digest was sent. A controller that lacks one reports `Lacking`.
    A simulation has no qm (`qm_id` is empty) and needs no open ports; body 2: the raw samples of its inputs, if any.
    """

    job_id: Name
    attempt: int
    qm_id: Name
    program_digest: Digest
    config_digest: Digest
    options: JobOptions = JobOptions()
    overrides: Overrides | None = None
    io1: Raw = 0  # both registers as the job starts with them
    io2: Raw = 0
    start: bool = True
    simulation: Simulation | None = None


class Start(Action, frozen=True, kw_only=True, tag="start"):
    """Start a job that was loaded without `start`."""

    job_id: Name
    attempt: int


class Halt(Action, frozen=True, kw_only=True, tag="halt"):
    """End a job now, keep what it saved, report `canceled` (or the final state it had reached before)."""

    job_id: Name
    attempt: int


class Deliver(Action, frozen=True, kw_only=True, tag="deliver"):
    """Bring something to a running job; answered by `reports.Delivered` or `reports.NotDelivered`, out of the spool.

    A repeat (the same `delivery_id`) is answered as before and delivers nothing.
    """

    delivery_id: Name
    job_id: Name
    attempt: int
    parcel: Parcels


class FetchData(Action, frozen=True, kw_only=True, tag="fetch"):
    """Read results; answered by `reports.Fetched` or `reports.FetchFailed`, at once and out of the spool."""

    fetch_id: Name
    job_id: Name
    stream: Name
    start: int
    stop: int  # -1: all there are
    offset: int = 0  # bytes of the range to skip


class DropResults(Action, frozen=True, kw_only=True, tag="drop_results"):
    """Delete the results of finished jobs."""

    job_ids: Names


class TakeInventory(Action, frozen=True, kw_only=True, tag="inventory"):
    """Report what is held: jobs with attempt and state, and qms."""


class Acknowledge(Action, frozen=True, kw_only=True, tag="acknowledge"):
    """Reports up to `seq` are durable here: forget them."""

    seq: int


class SayHello(Action, frozen=True, kw_only=True, tag="say_hello"):
    """The broker does not know this connection (it was restarted, or counted the controller as gone): say hello."""


class Refuse(Action, frozen=True, kw_only=True, tag="refuse"):
    """This connection is refused for good, e.g. because a newer process has taken its name: print why, and exit."""

    error: Fault


Actions = (
    Welcome
    | SayHello
    | Refuse
    | Open
    | Close
    | CompileProgram
    | Load
    | Start
    | Halt
    | Deliver
    | FetchData
    | DropResults
    | TakeInventory
    | Acknowledge
)


class Command(Record, frozen=True, kw_only=True):
    """broker -> controller. An epoch below the highest one seen is refused by the controller."""

    epoch: int
    action: Actions
