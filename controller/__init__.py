"""The room of the controller: compiles, runs and keeps the results of jobs. `server.run_controller` is the process."""
