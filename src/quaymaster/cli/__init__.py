"""The command line, `quaymaster …`: thin, each command lives in its own file and is loaded when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="quaymaster",
    help="An open software twin of the multi-user Quantum Orchestration Platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
queue_app = typer.Typer(help="Look at the queues, and take jobs out of them.", no_args_is_help=True)
app.add_typer(queue_app, name="queue")

Host = Annotated[
    str | None, typer.Option(help="Where the broker listens.", envvar="QUAYMASTER_HOST", show_default="127.0.0.1")
]
Port = Annotated[
    int | None, typer.Option(help="The broker's port for clients.", envvar="QUAYMASTER_PORT", show_default="9510")
]
Directory = Annotated[
    Path | None, typer.Option("--dir", help="State and logs.", show_default="the user's state folder")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")]
ClusterFile = Annotated[Path, typer.Option("--cluster", help="The cluster file (see deploy/cluster.toml).")]


@app.command()
def up(
    controllers: Annotated[
        str, typer.Option(help="Name:type, by commas; FEMs as con2:opx1000=1:lf,2:mw.")
    ] = "con1:opx+,con2:opx+",
    directory: Directory = None,
    port: Annotated[int, typer.Option(help="For clients; the next two ports are used as well.")] = 9510,
    plant: Annotated[str, typer.Option(help="What hangs behind the ports: echo, none, loopback.")] = "echo",
    loopback: Annotated[
        list[str] | None, typer.Option(help="For that plant: OUT>IN:LATENCY_NS, e.g. 1>1:24 or d1>d1:24.")
    ] = None,
    noise: Annotated[float, typer.Option(help="Variance of the noise at each analog input, in V².")] = 0.0,
    trigger_period_ns: Annotated[
        int, typer.Option(help="Edges of an external trigger so far apart, from 0 on; a multiple of 4, 0 for none.")
    ] = 0,
    photons: Annotated[
        str, typer.Option(help="Light at each input, photons a second: RATE[:VOLTS[:NS]], e.g. 1e6:0.3:8.")
    ] = "",
    latency: Annotated[
        str, typer.Option(help="Latencies of jobs that name no profile: ideal, or opx as published for the instrument.")
    ] = "ideal",
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background; see `down`.")] = False,
) -> None:
    """Start an embedded cluster on this machine: a broker and its controllers."""
    from . import embedded
    from .cluster_file import embedded_cluster

    cluster = embedded_cluster(
        controllers,
        directory or embedded.default_directory(),
        port,
        plant=plant,
        loopback=loopback or [],
        noise=noise,
        trigger_period_ns=trigger_period_ns,
        photons=photons,
        latency=latency,
    )
    embedded.detach(cluster) if detach else embedded.run(cluster)


@app.command()
def down(directory: Directory = None) -> None:
    """End the embedded cluster that was started in a directory."""
    from . import embedded

    embedded.down(directory or embedded.default_directory())


@app.command()
def status(host: Host = None, port: Port = None, as_json: AsJson = False) -> None:
    """Controllers, ports with their owners, qms and queues."""
    from .status import show_status

    show_status(host, port, as_json)


@queue_app.command("list")
def queue_list(
    host: Host = None,
    port: Port = None,
    as_json: AsJson = False,
    qm: Annotated[str | None, typer.Option(help="Only this qm.")] = None,
    user: Annotated[str | None, typer.Option(help="Only this user's jobs.")] = None,
) -> None:
    """Pending and running jobs, in the order of the queues."""
    from .queue import list_jobs

    list_jobs(host, port, as_json, qm, user)


@queue_app.command("cancel")
def queue_cancel(
    job_ids: Annotated[list[str], typer.Argument(help="Ids as `quaymaster queue list` shows them.")],
    host: Host = None,
    port: Port = None,
) -> None:
    """Cancel pending jobs, halt running ones."""
    from .queue import cancel_jobs

    cancel_jobs(host, port, job_ids)


@app.command()
def replay(
    job_id: Annotated[str, typer.Argument(help="Of a completed job.")],
    directory: Directory = None,
    cluster: Annotated[Path | None, typer.Option(help="A cluster file, for processes started by hand.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a job again from its record, and say whether the results are the same bits."""
    from . import embedded
    from .replay import replay_job

    if not replay_job(job_id, directory or embedded.default_directory(), cluster, as_json):
        raise typer.Exit(1)


@app.command()
def demo(
    plot: Annotated[Path, typer.Option(help="Where the picture goes.")] = Path("quaymaster-demo.png"),
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 1,
) -> None:
    """Three users share two controllers for a few seconds; numbers are checked against the formula."""
    from .demo import run_demo

    run_demo(plot, seed)


@app.command()
def doctor(host: Host = None, port: Port = None, directory: Directory = None, as_json: AsJson = False) -> None:
    """Look for what could be wrong: versions, ports, clock, store, build."""
    from .doctor import examine

    examine(host, port, directory, as_json)


@app.command()
def broker(cluster: ClusterFile) -> None:
    """Run the broker of a cluster file on this host."""
    from .process import run_broker_process

    run_broker_process(cluster)


@app.command()
def controller(name: Annotated[str, typer.Argument(help="As in the cluster file.")], cluster: ClusterFile) -> None:
    """Run one controller of a cluster file on this host."""
    from .process import run_controller_process

    run_controller_process(name, cluster)


@app.command()
def version() -> None:
    """Print the version."""
    from quaymaster import __version__

    print(__version__)


def main() -> None:
    """The console script: runs a command; our own errors become words and an exit status (1, or 3 for our bugs)."""
    try:
        app()
    except Exception as error:
        if not hasattr(error, "family") or not hasattr(error, "hint"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3 if error.family == "bug" else 1)
