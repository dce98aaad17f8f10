"""`check_stream`: whether a job's answer depends on what it must not depend on."""
