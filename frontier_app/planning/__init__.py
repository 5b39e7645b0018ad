"""Behind the verbs of `frontier_app.launch`: the rows, files, configs and estimates of work that is asked for."""
