"""Jobs on OS threads: what is loaded, which attempt is where, slices, pace, halt, reports.

`JobRun` runs one attempt, `JobTable` makes commands idempotent, `Lanes` are the OS threads, `Library` knows programs by
digest, `Spool` keeps reports until the broker has them, `PortTable` is the controller's own account of port owners.
"""
