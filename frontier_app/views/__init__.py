"""Pages. A view translates HTTP and nothing else: fetch with rights, validate, call a verb, render."""
