"""Averages of checkpoints in weight space: the arithmetic (methods) and writing them to disk (merge)."""
