"""Problems, their tests and nested coverage. Light: no torch, no Django."""
