"""JSON for other programs."""

from __future__ import annotations

import json

import pytest

from quaymaster._core.wire.requests import JobInfo, QmInfo
from quaymaster.cli.json_output import json_of


def test_every_field_is_there() -> None:
    """Defaults too, and records inside records; a list of records is a list of objects."""
    job = JobInfo(job_id="1", qm_id="qm-1", user="ada", state="pending")
    (told,) = json.loads(json_of([job]))
    assert set(told) == set(JobInfo.__struct_fields__)
    assert told["position"] == -1
    assert told["options"]["seed"] is None
    qm = QmInfo(qm_id="qm-1", opened_by="ada", opened_at_ms=1, controllers=["con1"], ports=[])
    assert json.loads(json_of(qm))["running_job"] is None


def test_what_is_no_record_is_refused() -> None:
    """Nothing is turned into text by guesswork."""
    with pytest.raises(TypeError, match="object"):
        json_of({"a": object()})
