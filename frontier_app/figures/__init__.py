"""Numbers -> Plotly dicts and small SVGs. No rows, no requests."""
