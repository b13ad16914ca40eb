"""deploy/load/queue.py: a short run keeps every promise, a long one too; and its own checks notice what is wrong."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "load" / "queue.py"


def run(*arguments: str, timeout_s: float) -> dict[str, Any]:
    """Run the script to its end with status 0; its figures."""
    found = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    *words, figures = found.stdout.splitlines()
    assert "nothing was lost or mixed up" in words
    return dict(json.loads(figures))


def test_a_few_users_for_a_few_seconds() -> None:
    """All kinds of operations happen, jobs complete and are canceled, and every promise is kept."""
    figures = run("--embedded", "--users", "6", "--seconds", "3", timeout_s=120)
    assert set(figures["ends"]) == {"completed", "canceled"}
    assert set(figures["operations_ms"]) >= {"add", "add_to_start", "cancel", "pending_jobs", "position"}
    assert figures["wrong"] == 0
    assert figures["jobs_per_s"] > 0


@pytest.mark.long
def test_many_users_for_a_minute() -> None:
    """The same with 40 users at 16 qms on three controllers."""
    figures = run("--embedded", "--users", "40", "--seconds", "60", "--controllers", "con1,con2,con3", timeout_s=280)
    assert figures["wrong"] == 0
    assert figures["ends"]["completed"] > 1000


def test_a_cluster_that_is_not_there() -> None:
    """One line, status 1."""
    found = subprocess.run([sys.executable, str(SCRIPT), "--port", "1"], capture_output=True, text=True, timeout=120)
    assert found.returncode == 1
    assert found.stderr.startswith("error: ")
    assert "Traceback" not in found.stderr


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("load_queue", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["load_queue"] = module
    spec.loader.exec_module(module)
    return module


def info(job_id: str, state: str = "completed", attempt: int = 1, note: str = "3 at 0.5") -> Any:
    """What the broker says of a job."""
    return SimpleNamespace(job_id=job_id, state=state, attempt=attempt, note=note, error=None)


@pytest.mark.parametrize(
    ("listed", "canceled", "words"),
    [
        ([], False, "1 was accepted, and is lost"),
        ([info("1"), info("1")], False, "1 is listed twice"),
        ([info("1", "running")], False, "1 was not canceled, and is running"),
        ([info("1", "error")], False, "1 was not canceled, and is error"),
        ([info("1", "canceled")], False, "1 was not canceled, and is canceled"),
        ([info("1")], True, "1 was canceled, and is completed"),
        ([info("1", attempt=2)], False, "1 is another job"),
        ([info("1", note="4 at 0.5")], False, "1 is another job"),
        ([info("1"), info("2")], False, "1 jobs that nobody was promised"),
    ],
)
def test_a_broken_promise_is_noticed(script: ModuleType, listed: list[Any], canceled: bool, words: str) -> None:
    """One promise, and a broker that does not keep it."""
    promise = script.Promise(SimpleNamespace(id="1"), 3, 0.5, canceled)
    log = script.Log(promises={"1": promise})
    user = SimpleNamespace(name="u", log=log)

    class Manager:
        """Says what was given."""

        def get_jobs(self, job_ids: list[str]) -> list[Any]:
            return [SimpleNamespace(id=i.job_id, info=i) for i in listed if i.job_id in job_ids]

        def get_job_infos(self, **_: Any) -> list[Any]:
            return listed

    script.check_with_broker(Manager(), [user], log)
    assert any(line.startswith(words) for line in log.wrong), log.wrong


def test_a_wrong_value_is_noticed(script: ModuleType) -> None:
    """A result that belongs to another job."""
    handles = SimpleNamespace(
        wait_for_all_values=lambda timeout: True,
        get=lambda name: SimpleNamespace(fetch_all=lambda: {"value": SimpleNamespace(tolist=lambda: [0.25] * 3)}),
    )
    job = SimpleNamespace(id="1", result_handles=handles, info=info("1"))
    job.wait_for_execution = lambda timeout: job
    user = script.User.__new__(script.User)
    user.log, user.waiting = script.Log(), [script.Promise(job, 3, 0.5)]
    user.fetch()
    assert len(user.log.wrong) == 1
