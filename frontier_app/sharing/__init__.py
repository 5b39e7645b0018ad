"""Who may see a study, and what its people hand on: views, links, snapshots, comments, invitations, reports."""
