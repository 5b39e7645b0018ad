"""`demo`, `up` and `test`."""
