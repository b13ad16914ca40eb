"""Results of jobs: stream pipelines evaluated as values arrive, and the files that keep what they make.

`pipeline` is pure (values in, values out); `chunk_files`, `job_results` and `shelf` are its edge to the disk.
"""

from .job_results import FetchedRange, JobResults
from .limits import ResultLimits
from .pipeline import Arrival, Pipeline
from .shelf import ResultShelf

__all__ = ["Arrival", "FetchedRange", "JobResults", "Pipeline", "ResultLimits", "ResultShelf"]
