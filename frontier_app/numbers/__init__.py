"""From rows to the numbers of every page: what figures draw and tables list. Reads rows and writes none."""
