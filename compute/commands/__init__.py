"""Commands for people, each with its exit status: `python -m compute judge ...` and `python -m compute audit ...`.

Jobs do not use them; they speak in events.
"""
