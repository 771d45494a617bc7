"""The contract of every engine, and the one place that opens one."""
