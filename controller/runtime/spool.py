"""Reports that must not be lost: numbered, kept until the broker says that they are durable there, sent again after a
break. Pure: it makes and keeps reports, others send them.
"""

from __future__ import annotations

import logging
from collections import OrderedDict

from ..._core.wire import Report
from ..._core.wire.reports import Matter
from .limits import SPOOL_REPORTS_MAX

log = logging.getLogger(__name__)


class Spool:
    """Reports by number, in order."""

    def __init__(self, reports_max: int = SPOOL_REPORTS_MAX) -> None:
        self._reports: OrderedDict[int, Report] = OrderedDict()
        self._reports_max = reports_max
        self._seq = 0
        self.acknowledged = 0

    def __len__(self) -> int:
        return len(self._reports)

    def add(self, matter: Matter) -> Report:
        """Number a report and keep it."""
        self._seq += 1
        report = Report(seq=self._seq, matter=matter)  # type: ignore[arg-type]
        self._reports[self._seq] = report
        if len(self._reports) > self._reports_max:
            seq, _ = self._reports.popitem(last=False)
            log.warning("report %d was dropped: %d wait already (SPOOL_REPORTS_MAX)", seq, self._reports_max)
        return report

    def acknowledge(self, seq: int) -> None:
        """Reports up to `seq` are durable elsewhere: forget them."""
        self.acknowledged = max(self.acknowledged, min(seq, self._seq))
        while self._reports and next(iter(self._reports)) <= seq:
            self._reports.popitem(last=False)

    def waiting(self) -> list[Report]:
        """What to send again after a break, in order."""
        return list(self._reports.values())
