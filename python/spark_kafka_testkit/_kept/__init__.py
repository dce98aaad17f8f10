"""Keep something running after a run, in a process that later runs find."""
