"""Tables of ten thousand rows: the server filters, sorts and pages, and the address holds the whole state.

`columns` says what a column is, `table` reads the address, `groups` averages over seeds; `runs`, `checkpoints` and
`evaluations` declare one table each and turn its rows into what the cells show. `problems` lists the problems of a set
with their rates along a path, and `files` writes any table as a file. Callers hand in the rows of a study that the
viewer may read; nothing here decides rights.
"""
