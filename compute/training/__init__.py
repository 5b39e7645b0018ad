"""Supervised and reinforcement learning of policies."""
