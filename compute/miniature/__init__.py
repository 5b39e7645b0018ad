"""The laptop-sized study: a family of problems small enough for a tiny model, and the tiny model's base."""
