"""Research code: problems, judge, rollouts, training, merging, statistics. It never imports Django."""
