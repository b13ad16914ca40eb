"""One controller without a cluster file: `python -m quaymaster.controller NAME --broker ENDPOINT --dir DIR`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .._core.errors import QuaymasterError


def fems_of(text: str) -> dict[int, str]:
    """Slots and kinds of FEMs.

    >>> fems_of("1=lf,2=mw")
    {1: 'lf', 2: 'mw'}
    """
    return {int(slot): kind for slot, _, kind in (part.partition("=") for part in text.split(",") if part)}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="quaymaster.controller", description="Run one simulated controller.")
    made.add_argument("name", help="as configs name it, e.g. con1")
    made.add_argument("--type", default="opx+", choices=["opx", "opx+", "opx1000"])
    made.add_argument("--fems", type=fems_of, default={}, help="of an opx1000, e.g. 1=lf,2=mw")
    made.add_argument("--broker", required=True, help="where the broker listens for controllers: tcp://127.0.0.1:9511")
    made.add_argument("--dir", required=True, type=Path, help="compiled programs and results; of this controller alone")
    made.add_argument("--plant", default="echo", choices=["echo", "none", "loopback"])
    made.add_argument(
        "--loopback", action="append", default=[], help="con1/1>con1/1:24, output > input : latency in ns"
    )
    made.add_argument("--noise", type=float, default=0.0, help="variance at each analog input, in V²")
    made.add_argument("--trigger-period-ns", type=int, default=0, help="between edges of an external trigger")
    made.add_argument("--photons", default="", help="light at each analog input: RATE[:VOLTS[:NS]], e.g. 1e6:0.3:8")
    made.add_argument(
        "--alike", action="append", default=[], help="a controller with the same plant: programs may use both"
    )
    return made


def main() -> int:
    """0 when told to stop, 1 after an error."""
    from .server import run_controller

    given = parser().parse_args()
    try:
        run_controller(
            given.name,
            type=given.type,
            fems=given.fems,
            broker_endpoint=given.broker,
            directory=given.dir,
            plant=given.plant,
            loopback=given.loopback,
            noise=given.noise,
            trigger_period_ns=given.trigger_period_ns,
            photons=given.photons,
            alike=given.alike,
        )
    except QuaymasterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
