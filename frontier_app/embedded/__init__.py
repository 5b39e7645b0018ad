"""PostgreSQL, Valkey and the process supervisor behind `demo`, `up` and `test`. Nothing here is used in production."""
