"""The rows. One subject, one module."""

from frontier_app.models.checkpoints import Checkpoint, MergeIngredient, Path, Run
from frontier_app.models.evaluations import Evaluation, Program, Rollup, Sample
from frontier_app.models.jobs import LEASE, Job
from frontier_app.models.metrics import MetricPoint
from frontier_app.models.problems import Problem, ProblemSet
from frontier_app.models.sharing import ApiToken, Comment, LoginLink, SavedView, ShareLink
from frontier_app.models.studies import Membership, Study

__all__ = [
    "LEASE",
    "ApiToken",
    "Checkpoint",
    "Comment",
    "Evaluation",
    "Job",
    "LoginLink",
    "Membership",
    "MergeIngredient",
    "MetricPoint",
    "Path",
    "Problem",
    "ProblemSet",
    "Program",
    "Rollup",
    "Run",
    "Sample",
    "SavedView",
    "ShareLink",
    "Study",
]
