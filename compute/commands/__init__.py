"""Commands for people, each with its exit status: `python -m compute judge`, `audit` and `geometry`.

Jobs do not use them; they speak in events.
"""
