"""Limits of a program, each with a name, so that whoever reads a tree can trust its size.

The public programs that were measured stay far below: at most 1,707 statements, 1.5 MB, 7 nested loops, 43 results.
"""

from __future__ import annotations

PROGRAM_BYTES_MAX = 16 * 1024 * 1024
STATEMENTS_MAX = 200_000
EXPRESSION_NODES_MAX = 2_000_000
BLOCK_DEPTH_MAX = 64
EXPRESSION_DEPTH_MAX = 200
PIPELINE_DEPTH_MAX = 200
VARIABLES_MAX = 10_000
ARRAY_CELLS_MAX = 1 << 20  # of all arrays together
STREAMS_MAX = 1_000
NODES_MAX = 10_000
RESULTS_MAX = 1_000
BUFFER_ITEMS_MAX = 1 << 26  # cells of one item of a stream node
ITEM_AXES_MAX = 24  # of one item of a stream node
CONSTANT_VALUES_MAX = 1 << 20  # of all constants together
FFT_STEPS_MAX = 1 << 26  # length of an item times the sum of the prime factors of that length
CONVOLUTION_PRODUCTS_MAX = 1 << 26  # product of the two lengths
PROCESSES_MAX = 64  # of one measure
SLICES_MAX = 1 << 16  # of all processes of one measure
MAX_TIME_MAX_NS = 1 << 26  # of one time tagging
MAX_TIME_MAX_HIGH_RES_NS = 2_147_483  # picoseconds fit an int
DIGITAL_OUTPUTS_MAX = 64  # that one process counts
CHIRP_SECTIONS_MAX = 4_096
ELEMENTS_MAX = 1_000  # named by one statement
NAME_LENGTH_MAX = 256
OWN_TAG_PREFIX = "@"
PATH_LENGTH_MAX = 4_096
SOURCES_MAX = 200_000

WAIT_MIN_CYCLES = 4
DURATION_MIN_CYCLES = 4
RAMP_TO_ZERO_MAX_CYCLES = 1 << 24
INT_MIN = -(1 << 31)
INT_MAX = (1 << 31) - 1
AMPLITUDE_MIN = -2.0
AMPLITUDE_MAX = 2.0 - 2.0**-16
