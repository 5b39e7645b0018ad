"""Commands for people, each with its exit status: `python -m compute judge`, `audit`, `geometry` and `doctor`.

Jobs do not use them; they speak in events.
"""
