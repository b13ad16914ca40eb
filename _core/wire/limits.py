"""Every bound of the conversation, by name. Whoever crosses one is told so by that name; nothing grows unbounded."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

PROTOCOL_VERSION: Final = 1

# Sizes of frames and messages, in bytes.
CONTROL_FRAME_BYTES: Final = 1 * MIB  # an envelope
BODY_BYTES: Final = 16 * MIB  # a config or a program
CHUNK_BYTES: Final = 1 * MIB  # one frame of result data
MESSAGE_BYTES: Final = 20 * MIB  # all frames of a message together (also ZMQ_MAXMSGSIZE of every socket)
MESSAGE_FRAMES: Final = 64
FETCH_BYTES: Final = 8 * MIB  # the data of one answer to `fetch`; the rest is asked for by offset
INLINE_TOTAL_BYTES: Final = 64 * KIB  # results that may travel inside the final status of a job

# What an untyped body (a config) may hold before it is decoded.
BODY_DEPTH: Final = 64
BODY_ITEMS: Final = 500_000  # maps, arrays, strings, numbers: each counts one
BODY_NUMBERS: Final = 4_000_000  # numbers in arrays of one kind (sampled waveforms)

# Lengths inside envelopes.
NAME_CHARS: Final = 256  # names of users, qms, elements, streams, controllers
DIGEST_CHARS: Final = 128
NOTE_CHARS: Final = 64 * KIB
MESSAGE_CHARS: Final = 64 * KIB  # the text of an error or of a report line
LIST_ITEMS: Final = 10_000  # ids in one request or one answer
OVERRIDE_SAMPLES: Final = 100_000  # numbers in the overrides of one job
INPUT_VALUES: Final = 65_536  # values in one entry of an input stream
ELEMENT_INPUTS: Final = 1_000  # inputs of one element that are set at once
DETAILS_ITEMS: Final = 1_000

# Time, in milliseconds.
PARK_MS: Final = 8_000  # a parked request is answered "pending" after this long (below REQUEST_TIMEOUT_MS)
HEARTBEAT_MS: Final = 1_000  # both ways between broker and controller
HEARTBEATS_MISSED: Final = 3  # so many missed beats, and the peer counts as gone
REQUEST_TIMEOUT_MS: Final = 10_000

# How much may wait.
QM_PENDING_JOBS: Final = 10_000
USER_PENDING_JOBS: Final = 10_000
BROKER_PENDING_JOBS: Final = 100_000
PARKED_REQUESTS: Final = 20_000
USER_PARKED_REQUESTS: Final = 4_000
OPEN_QMS: Final = 1_000

# Simulations.
SIMULATION_CYCLES: Final = 250_000_000  # 1 s
SIMULATION_BYTES: Final = 256 * MIB  # samples of one simulation: 2 bytes a ns and analog output, 1 a ns and digital one
SIMULATION_CABLES: Final = 1_000  # loopback connections, or raw inputs
SIMULATION_LATENCY_NS: Final = 1_000_000_000
SIMULATION_ENTRIES: Final = 10_000  # of input streams, given before the start
