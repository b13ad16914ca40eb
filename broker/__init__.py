"""The broker: the process that owns all shared decisions, who holds which port and whose job runs next.

`core` decides and touches nothing, `store` makes decisions durable, `server` turns frames into events and instructions
into frames. `python -m quaymaster.broker --help` starts one.
"""
