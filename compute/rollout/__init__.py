"""From a problem and a policy to judged samples."""
