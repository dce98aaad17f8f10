"""Whether a job's answer depends on what it must not depend on: `check_stream`."""
