"""The web side of Frontier: rows, rights, pages and the queue. It never imports torch."""
