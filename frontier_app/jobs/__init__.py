"""The queue in the database, the child process behind a running job, and the Celery tasks that tie them together."""
