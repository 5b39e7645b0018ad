"""The Frontiers page: any checkpoints of a study on any two axes."""
