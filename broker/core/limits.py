"""How much the broker keeps, and for how long; all in one place, each by name."""

from __future__ import annotations

from typing import Final

DAY_MS: Final = 24 * 3600 * 1000

FINISHED_JOBS_KEPT: Final = 100_000  # the oldest are forgotten beyond it
FINISHED_JOBS_KEPT_MS: Final = 90 * DAY_MS
ANSWERS_KEPT_PER_USER: Final = 1_000
ANSWERS_KEPT_MS: Final = DAY_MS
IMAGES_KEPT: Final = 2_000
OUTCOMES_KEPT: Final = 1_000  # errors of compilations whose client had gone to re-arm
PROGRAMS_PER_QM: Final = 10_000
LOST_AFTER_MS: Final = 3600 * 1000  # a job held by a controller that never came back after the broker's restart
COME_BACK_MS: Final = (
    7_000  # after the broker's start, requests wait so long for a controller to report (below PARK_MS)
)
KNOWN_BODIES_PER_CONTROLLER: Final = 10_000
REPORT_ENTRIES_PER_JOB: Final = 1_000
SIMULATIONS_AT_ONCE: Final = 2  # of one controller; the others wait
SIMULATIONS_WAITING: Final = 10_000
SIMULATED_SHAPES_KEPT: Final = 64  # checked configs of simulations, so that a repeat need not be checked again
