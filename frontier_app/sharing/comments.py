"""Comments on a study: anchored to a point (an evaluation), a problem or an alpha, or to the study as a whole.

Members write, and change and delete their own; owners may delete any. A share link is told of none. The verbs write
rows and tell open pages that there is something to read; rights are the caller's to check.
"""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from frontier_app import live
from frontier_app.models import AuditEntry, Comment, Evaluation, Membership, Problem, Study
from frontier_app.sharing.audit_trail import note

MOST_SHOWN = 500
MOST_A_STUDY = 20_000


class CommentError(ValueError):
    """What cannot be written; the message is one sentence."""


def write(study: Study, author: User, text: str, evaluation: str, problem: str, alpha: float | None) -> Comment:
    """A comment with at most one anchor. Raises CommentError for an anchor that is not the study's."""
    if sum((bool(evaluation), bool(problem), alpha is not None)) > 1:
        raise CommentError("A comment is about one thing: a point, a problem or an alpha.")
    if study.comments.count() >= MOST_A_STUDY:
        raise CommentError(f"A study holds at most {MOST_A_STUDY} comments.")
    comment = Comment(study=study, author=author, text=text, alpha=alpha)
    if evaluation:
        comment.evaluation = Evaluation.objects.filter(study=study, reference=evaluation).first()
        if comment.evaluation is None:
            raise CommentError("This study has no such point.")
    if problem:
        sets = [study.held_out_set_id, study.train_set_id]
        found = Problem.objects.filter(slug=problem, problem_set__in=sets)
        comment.problem = found.filter(problem_set=study.held_out_set_id).first() or found.first()
        if comment.problem is None:
            raise CommentError("This study has no such problem.")
    comment.save()
    live.comments_changed(study.slug)
    return comment


def change(comment: Comment, text: str) -> None:
    comment.text, comment.edited = text, timezone.now()
    comment.save(update_fields=["text", "edited"])
    live.comments_changed(comment.study.slug)


def set_deleted(comment: Comment, by: User, deleted: bool) -> None:
    rows = Comment.objects.filter(pk=comment.pk, deleted__isnull=deleted)
    with transaction.atomic():
        if rows.update(deleted=timezone.now() if deleted else None):
            subject = f"comment of {comment.author.get_username()}"
            note(comment.study, by, "delete" if deleted else "restore", subject, what="comment", comment=comment.pk)
            live.comments_changed(comment.study.slug)


def may_delete(comment: Comment, person: User | None, role: str | None) -> bool:
    return comment.author == person or role == Membership.OWNER


def may_restore(comment: Comment, person: User | None, role: str | None) -> bool:
    """Owners, and who wrote it, unless it was an owner who deleted it."""
    entries = AuditEntry.objects.filter(study=comment.study_id, action="delete", detail__comment=comment.pk)
    last = entries.first()
    return role == Membership.OWNER or (comment.author == person and (last is None or last.who == person))


def listed(study: Study, person: User | None, role: str | None) -> dict[str, object]:
    """The newest comments in the order in which they were written, as JSON; `more` says how many older ones there are.
    Two queries at any number."""
    kept = Comment.objects.kept().filter(study=study)
    rows = kept.select_related("author", "evaluation__checkpoint", "problem").order_by("-pk")
    found = list(rows[:MOST_SHOWN])[::-1]
    total = kept.count()
    older = total - len(found)
    return {
        "comments": [_told(older + place, one, person, role) for place, one in enumerate(found, start=1)],
        "more": older,
    }


def _told(number: int, comment: Comment, person: User | None, role: str | None) -> dict[str, object]:
    evaluation, problem = comment.evaluation, comment.problem
    return {
        "id": comment.pk,
        "number": number,
        "author": comment.author.get_username(),
        "text": comment.text,
        "created": comment.created.isoformat(),
        "edited": comment.edited.isoformat() if comment.edited else None,
        "own": comment.author == person,
        "may_delete": may_delete(comment, person, role),
        "evaluation": evaluation.reference if evaluation else None,
        "problem": problem.slug if problem else None,
        "alpha": comment.alpha if comment.alpha is not None else evaluation.alpha if evaluation else None,
        "about": about(comment),
    }


def about(comment: Comment) -> str:
    """What a comment is anchored to, in words."""
    if comment.evaluation is not None:
        alpha = comment.evaluation.alpha
        return comment.evaluation.checkpoint.name if alpha is None else f"the point at a = {alpha:g}".replace("-", "−")
    if comment.problem is not None:
        return comment.problem.slug
    return "the study" if comment.alpha is None else f"a = {comment.alpha:g}".replace("-", "−")
