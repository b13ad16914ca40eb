"""`quaymaster demo`: three users share two controllers for a few seconds.

Ada opens a qm on con1 and queues a time-of-flight trace; Ben attaches to the same qm and queues his own work among
hers; Chi has a qm of her own on con2, and sweeps a frequency. Their numbers are checked against formulas, and drawn
beside them.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.live import Live
from rich.table import Table

from .._core.errors import AskedWrongly, OurBug
from ..client import QuantumMachinesManager
from . import demo_experiments as lab
from .cluster_file import embedded_cluster
from .embedded import EmbeddedCluster
from .free_ports import free_ports
from .queue import live_jobs

TRACE_SHOTS = 2_000
SWEEP_SHOTS = 400
BUSY_PULSES = 8_000_000
"""Keeps a controller busy for about a second."""
DEMO_TIMEOUT_S = 50.0
SWEEP_SHOWN_MHZ = 30
LOOK_EVERY_S = 0.1
SIGMAS_ALLOWED = 6.0
"""A deviation beyond this many standard deviations fails the demo (one in 10⁹ by chance, for each number)."""


@dataclass
class Story:
    """What the users' OS threads share: the numbers they got, what went wrong, and who has finished."""

    results: dict[str, NDArray[Any]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    jobs: int = 0
    ada_opened: threading.Event = field(default_factory=threading.Event)
    ben_queued: threading.Event = field(default_factory=threading.Event)
    qm_id: str = ""


def ada(qmm: QuantumMachinesManager, story: Story, seed: int) -> None:
    """Opens the shared qm, queues a trace and a sweep, waits for both."""
    qm = qmm.open_qm(lab.demo_config("con1", lab.TRACE_TOF_NS), close_other_machines=False)
    story.qm_id = qm.id
    busy = [qm.queue.add(lab.drive_program(BUSY_PULSES), note="warming up") for _ in range(2)]
    trace = qm.queue.add(lab.time_of_flight_program(TRACE_SHOTS), seed=seed, note="time of flight")
    story.ada_opened.set()
    story.results["trace"] = _fetch(trace, "trace")
    story.ben_queued.wait(DEMO_TIMEOUT_S)
    story.jobs += len(busy) + 1


def ben(qmm: QuantumMachinesManager, story: Story, seed: int) -> None:
    """Attaches to Ada's qm and shares its queue."""
    story.ada_opened.wait(DEMO_TIMEOUT_S)
    qm = qmm.get_qm(story.qm_id)
    jobs = [qm.queue.add(lab.drive_program(BUSY_PULSES + k), note=f"calibration {k}") for k in range(3)]
    urgent = qm.queue.add_to_start(lab.drive_program(7), note="urgent")
    story.ben_queued.set()
    counts = [int(_fetch(job, "count")) for job in [*jobs, urgent]]
    if counts != [BUSY_PULSES, BUSY_PULSES + 1, BUSY_PULSES + 2, 7]:
        story.failures.append(f"ben's jobs were mixed up: {counts}")
    story.jobs += len(counts)


def chi(qmm: QuantumMachinesManager, story: Story, seed: int) -> None:
    """Has a qm of her own on the other controller."""
    qm = qmm.open_qm(lab.demo_config("con2", lab.LATENCY_NS), close_other_machines=False)
    job = qm.queue.add(lab.sweep_program(SWEEP_SHOTS), seed=seed + 1, note="frequency sweep")
    story.results["sweep"] = _fetch(job, "I") + 1j * _fetch(job, "Q")
    story.jobs += 1
    qm.close()


def _fetch(pending: Any, tag: str) -> NDArray[Any]:
    job = pending.wait_for_execution(timeout=DEMO_TIMEOUT_S)
    if not job.result_handles.wait_for_all_values(timeout=DEMO_TIMEOUT_S):
        raise OurBug(f"job {job.id} ended early: {job.execution_report()}")
    return np.asarray(job.result_handles.get(tag).fetch_all())


Act = Callable[[QuantumMachinesManager, Story, int], None]


def _as_user(user: str, act: Act, port: int, story: Story, seed: int) -> None:
    try:
        with QuantumMachinesManager("127.0.0.1", port, user=user) as qmm:
            act(qmm, story, seed)
    except Exception as error:
        story.failures.append(f"{user}: {error}")
        story.ada_opened.set()
        story.ben_queued.set()


def queues_table(qmm: QuantumMachinesManager) -> Table:
    """What is pending and running now."""
    table = Table("qm", "position", "user", "job", "state", "note")
    for job in live_jobs(qmm):
        table.add_row(
            job.qm_id, str(job.position) if job.position > 0 else "-", job.user, job.job_id, job.state, job.note
        )
    return table


def _watch(console: Console, port: int, users: list[threading.Thread]) -> None:
    """Show the queues moving until the users have finished: a live table, or lines where there is no terminal."""
    until_s = time.monotonic() + DEMO_TIMEOUT_S
    last = ""
    with QuantumMachinesManager("127.0.0.1", port, user="watcher") as qmm:
        live = Live(queues_table(qmm), console=console, auto_refresh=False) if console.is_terminal else None
        with live or _Nothing():
            while any(user.is_alive() for user in users) and time.monotonic() < until_s:
                if live:
                    live.update(queues_table(qmm), refresh=True)
                elif (line := _line(qmm)) != last:
                    console.print(line)
                    last = line
                time.sleep(LOOK_EVERY_S)


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _line(qmm: QuantumMachinesManager) -> str:
    words = [
        f"{job.user}'s {job.note} ({job.state if job.position < 0 else f'position {job.position}'})"
        for job in live_jobs(qmm)
    ]
    return "queues: " + (", ".join(words) or "empty")


def run_demo(plot: Path, seed: int) -> None:
    """Start a cluster, let the users work, check the numbers, draw them; OurBug `demo_failed` where one is wrong."""
    console = Console()
    began_s = time.monotonic()
    if not plot.absolute().parent.is_dir():
        raise AskedWrongly(f"there is no folder {plot.absolute().parent} for the picture", code="bad_plot")
    with tempfile.TemporaryDirectory(prefix="quaymaster-demo-") as directory:
        port = free_ports()
        cluster = embedded_cluster(
            "con1:opx+,con2:opx+",
            Path(directory),
            port,
            plant="loopback",
            loopback=[f"1>1:{lab.LATENCY_NS}"],
            noise=lab.NOISE_V2,
        )
        with EmbeddedCluster(cluster):
            console.print(f"a broker and two controllers are up after {time.monotonic() - began_s:.1f} s")
            story = Story()
            users = [
                threading.Thread(target=_as_user, args=(act.__name__, act, port, story, seed), daemon=True)
                for act in (ada, ben, chi)
            ]
            for user in users:
                user.start()
            _watch(console, port, users)
    lines = _judge(story)
    for line in lines:
        console.print(line)
    drawn = _draw(plot, story) if not story.failures else "no picture"
    console.print(f"{story.jobs} jobs of 3 users on 2 controllers in {time.monotonic() - began_s:.1f} s; {drawn}")
    if story.failures:
        raise OurBug("; ".join(story.failures), code="demo_failed")


def _judge(story: Story) -> list[str]:
    """Compare with the formulas; failures go into the story."""
    lines = []
    for name, expected, sigma, unit in (
        ("trace", lab.expected_trace(), lab.trace_sigma(TRACE_SHOTS), "counts"),
        ("sweep", lab.expected_sweep(), lab.sweep_sigma(SWEEP_SHOTS), ""),
    ):
        if name not in story.results:
            if not story.failures:
                story.failures.append(f"no {name} came")
            continue
        difference = story.results[name] - expected
        worst = float(max(np.abs(difference.real).max(), np.abs(difference.imag).max()))
        allowed = SIGMAS_ALLOWED * sigma
        verdict = "as the formula says" if worst <= allowed else "NOT as the formula says"
        lines.append(f"{name}: {verdict}: off by {worst:.3g} {unit} at most ({worst / sigma:.1f} σ of its noise)")
        if worst > allowed:
            story.failures.append(f"{name} is off by {worst:.3g}, allowed are {allowed:.3g}")
    return lines


def _draw(path: Path, story: Story) -> str:
    """Draw both results beside their formulas."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return "no picture: pip install 'quaymaster[plot]' for one"
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_trace(left, story.results["trace"])
    _draw_sweep(right, story.results["sweep"])
    figure.savefig(path, dpi=110)
    return f"picture in {path}"


def _draw_trace(axes: Any, trace: NDArray[Any]) -> None:
    shown = slice(0, 450)
    t = np.arange(lab.READOUT_NS)[shown] + lab.TRACE_TOF_NS
    axes.plot(t, lab.expected_trace()[shown], "-", color="C1", lw=0.8, label="formula")
    axes.plot(t, trace[shown], ".", color="C0", ms=3, label=f"average of {TRACE_SHOTS} traces")
    axes.axvline(lab.LATENCY_NS, color="gray", ls=":", label=f"latency of the cable, {lab.LATENCY_NS} ns")
    axes.set(title="Time of flight (Ada, con1)", xlabel="ns after the pulse was played", ylabel="ADC counts")
    axes.legend(fontsize="small", loc="lower left")


def _draw_sweep(axes: Any, sweep: NDArray[Any]) -> None:
    mhz = np.array(lab.SWEEP_HZ) / 1e6
    between = np.linspace(lab.SWEEP_HZ[0], lab.SWEEP_HZ[-1], 4000)
    curve = lab.expected_sweep(between)
    for name, formula, measured, colour in (("I", curve.real, sweep.real, "C0"), ("Q", curve.imag, sweep.imag, "C3")):
        axes.plot(between / 1e6, 1e3 * formula, "-", lw=0.8, color=colour, alpha=0.6, label=f"{name}, formula")
        axes.plot(mhz, 1e3 * measured, ".", color=colour, label=name)
    axes.set(
        title=f"Frequency sweep (Chi, con2), {SWEEP_SHOWN_MHZ} of {len(mhz)} frequencies",
        xlabel="intermediate frequency / MHz",
        ylabel="demodulated / 10⁻³",
        xlim=(0, SWEEP_SHOWN_MHZ + 0.5),
        ylim=(-30, 38),
    )
    axes.legend(fontsize="small", loc="upper center", ncols=4)
