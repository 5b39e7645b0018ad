"""Reads problems in a format of the field and writes them as a problem set: the job of kind "import"."""
