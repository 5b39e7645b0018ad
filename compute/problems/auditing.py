"""Judges the known programs of a problem set and reports what its tests can tell apart: the job of kind "audit"."""
