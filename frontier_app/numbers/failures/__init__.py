"""The Failures page: from a grid of problems and checkpoints to one sample and one of its tests."""
