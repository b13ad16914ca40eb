"""What determines a job, on disk beside its results: enough to run it again and get the same bits.

`JobRecord` stands first in the job's folder, `outside_log` has what came from outside, in the order and at the places
where the job got it; program and config lie once per pair, by digest (`runtime.pair_files`).
"""

from .job_record import JobRecord, decode_record, encode_record
from .outside_log import LOG_NAME, append_entries, read_entries

__all__ = ["LOG_NAME", "JobRecord", "append_entries", "decode_record", "encode_record", "read_entries"]
