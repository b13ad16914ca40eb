"""Bounds of the runtime, by name."""

from __future__ import annotations

from typing import Final

SLICE_S: Final = 0.010
"""The machine runs about this long between looks at halt, drain and progress."""
FIRST_STEPS: Final = 50
"""Instructions of a job's first run; later ones are fitted to SLICE_S."""
FIRST_SLICE_S: Final = 0.001
"""A job that takes longer than this gets an OS thread of its own."""
PACED_SLICE_NS: Final = 20_000_000
"""A program that keeps to real time is ahead of it by at most about this much simulated time."""
STEPS_MIN: Final = 100
STEPS_MAX: Final = 50_000_000
BACKGROUND_THREADS: Final = 4
"""OS threads that compile programs ahead of their jobs and delete results."""
PROGRESS_EVERY_S: Final = 0.1
"""At most ten progress reports a second and job."""
JOBS_MAX: Final = 256
"""Jobs that one controller holds at a time: loading, waiting for their start, running."""
FINISHED_JOBS_MAX: Final = 2_000
"""Ended jobs whose attempt and final report are remembered, so that no command starts them twice."""
SPOOL_REPORTS_MAX: Final = 100_000
"""Reports that wait for the broker's acknowledgement; the oldest are dropped beyond it, with a line in the log."""
LOADED_MAX: Final = 1_000
"""Programs compiled against a config that stay in memory."""
LOADED_BYTES_MAX: Final = 512 * 1024 * 1024
PROGRAMS_MAX: Final = 10_000
PROGRAM_BYTES_MAX: Final = 256 * 1024 * 1024
"""Programs as they came, of those that may be sent without their bodies."""
CONFIGS_MAX: Final = 1_000
CONFIG_BYTES_MAX: Final = 256 * 1024 * 1024
PAIR_FILES_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
"""Compiled programs on disk; as much again for the programs and configs that records of jobs name."""
IMAGE_FILE_AFTER_S: Final = 0.05
"""An image that compiles faster than this is not worth a file."""
REPORT_LINES_MAX: Final = 1_000
REPORT_CHARS_MAX: Final = 64 * 1024
"""Of one execution report: it must fit an envelope."""
DELIVERIES_WAITING_MAX: Final = 1_000
"""Things from outside that wait for one job; they are taken between two slices."""
DELIVERIES_KNOWN_MAX: Final = 10_000
"""Delivered ones whose ids a running job remembers, so that a repeat is not delivered again."""
BROKER_AWAY_MAX_S: Final = 600.0
"""Without its broker a controller runs on for so long, starting nothing new; then it halts what it runs."""
FETCHES_WAITING_MAX: Final = 1_000
BULK_MESSAGES_MAX: Final = 4
"""Answers with data on their way at a time; until one has left this process, no further one is read from disk."""
STOP_WITHIN_S: Final = 5.0
"""A controller told to stop waits so long for its jobs to put their results on disk."""
