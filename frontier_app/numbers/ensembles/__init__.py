"""The Ensembles page: what several checkpoints solve together that one alone does not."""
