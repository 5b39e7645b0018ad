"""Numbers from counts, in numpy alone: rates, intervals, the trade-off, ensembles, flips. No torch, no Django."""
