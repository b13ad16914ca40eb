"""What fixed jobs give in an installation of quaymaster, as digests: `python same_bits.py JOBS` prints one JSON object.

JOBS is a file that `written` made. Nothing but the package is imported, so any Python that has it can run this.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from quaymaster._core.config import check_config
from quaymaster._core.engine.image import encode_image
from quaymaster._core.engine.machine import Machine
from quaymaster._core.program.codec import decode_program
from quaymaster._core.program.elements import elements_used
from quaymaster._core.wire import pack_plain, unpack_plain
from quaymaster.controller.compiler import compile_program
from quaymaster.controller.plant import hearing

SEED, NOISE_V2, STEPS, RUNS = 0x123456789ABCDEF, 1e-6, 10_000, 200


class Job(msgspec.Struct):
    """A program on a config."""

    program: bytes
    config: bytes
    numerics: str
    latency: str


def written(path: Path, jobs: Iterable[tuple[bytes, dict[str, Any], str, str]]) -> None:
    """Write jobs: (program, config as a user writes it, numerics, latency)."""
    made = [Job(program, pack_plain(config), numerics, latency) for program, config, numerics, latency in jobs]
    path.write_bytes(msgspec.msgpack.encode(made))


def digests(path: Path) -> dict[str, str]:
    """One digest of all images, one of all that the jobs give."""
    images, results = hashlib.blake2b(), hashlib.blake2b()
    for job in msgspec.msgpack.decode(path.read_bytes(), type=list[Job]):
        program, config = decode_program(job.program), check_config(unpack_plain(job.config))
        image = compile_program(program, config, job.latency)
        images.update(encode_image(image))
        plant = hearing(config, elements_used(program), plant="echo", noise_variance=NOISE_V2)
        machine = Machine(image, seed=SEED, numerics=job.numerics, plant=plant)  # type: ignore[arg-type]
        for _ in range(RUNS):
            state = machine.run(STEPS)
            for chunk in machine.drain():
                for part in chunk:
                    results.update(repr(part).encode() if isinstance(part, int) or part is None else bytes(part))
            if state == "done":
                break
        results.update(repr((sorted(machine.events()), machine.clock_ns)).encode())
    return {"images": images.hexdigest(), "results": results.hexdigest()}


if __name__ == "__main__":
    print(json.dumps(digests(Path(sys.argv[1]))))
