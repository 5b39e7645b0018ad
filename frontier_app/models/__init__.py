"""The rows. One subject, one module."""

from frontier_app.models.checkpoints import Checkpoint, MergeIngredient, PairGeometry, Path, Run
from frontier_app.models.evaluations import Evaluation, EvaluationRate, Program, Rollup, Sample, Transcript
from frontier_app.models.jobs import LEASE, Job
from frontier_app.models.metrics import MetricPoint
from frontier_app.models.people import ApiToken, AuditEntry, Invitation, LoginLink
from frontier_app.models.problems import Problem, ProblemSet
from frontier_app.models.reports import Report
from frontier_app.models.sharing import Comment, SavedView, ShareLink, Snapshot
from frontier_app.models.studies import Membership, Study
from frontier_app.models.usage import JobUsage, UsagePoint
from frontier_app.models.workers import Worker

__all__ = [
    "LEASE",
    "ApiToken",
    "AuditEntry",
    "Checkpoint",
    "Comment",
    "Evaluation",
    "EvaluationRate",
    "Invitation",
    "Job",
    "JobUsage",
    "LoginLink",
    "Membership",
    "MergeIngredient",
    "MetricPoint",
    "PairGeometry",
    "Path",
    "Problem",
    "ProblemSet",
    "Program",
    "Report",
    "Rollup",
    "Run",
    "Sample",
    "SavedView",
    "ShareLink",
    "Snapshot",
    "Study",
    "Transcript",
    "UsagePoint",
    "Worker",
]
