"""The people of a study: its members and invitations, the page that accepts one, and the audit trail."""

from contextlib import suppress

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from frontier_app.models import AuditEntry, Invitation, Membership
from frontier_app.sharing import membership as verbs
from frontier_app.sharing.audit_trail import ACTIONS
from frontier_app.sharing.forms import InvitationForm, RoleForm, first_error
from frontier_app.views.fetch import OpenStudy, open_study, open_study_to_own, signed_in
from frontier_app.views.frame import render_page, study_context
from frontier_app.views.paging import Slice

MEMBERS, INVITATIONS, ENTRIES = 100, 50, 50


@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """The members; for owners with what changes them. With POST an owner makes an invitation, whose address is shown
    on this answer alone."""
    opened = open_study_to_own(request, slug) if request.method == "POST" else open_study(request, slug)
    form = InvitationForm(request.POST if request.method == "POST" else None)
    address = None
    if form.is_bound and form.is_valid():
        days = form.cleaned_data["days"]
        _, token = verbs.invite(opened.study, opened.person, form.cleaned_data["role"], int(days) if days else None)
        address = request.build_absolute_uri(reverse("invitation", args=[token]))
        form = InvitationForm()
    rows = Membership.objects.filter(study=opened.study).select_related("user").order_by("pk")
    page = Slice(request, rows, MEMBERS)
    context = study_context(opened, "members") | {
        "slice": page,
        "rows": [_row(opened, member) for member in page.rows],
        "roles": Membership.ROLES,
        "form": form,
        "address": address,
        "invitations": _invitations(opened) if opened.may_share else [],
    }
    status = 422 if form.errors else 201 if address else 200
    response = render_page(request, "members.html", context, parts=("people", "invitations"), status=status)
    if address:
        response.headers["Cache-Control"] = "no-store"
    return response


def _row(opened: OpenStudy, member: Membership) -> dict[str, object]:
    own = member.user == opened.viewer.user
    return {"member": member, "own": own, "back": verbs.way_back(member) if opened.may_share else ""}


def _invitations(opened: OpenStudy) -> list[Invitation]:
    rows = opened.study.invitations.open().select_related("created_by").prefetch_related("accepted_by")
    return list(rows[:INVITATIONS])


def _member(opened: OpenStudy, member: int) -> Membership:
    return get_object_or_404(Membership, study=opened.study, pk=member)


@require_POST
def change_role(request: HttpRequest, slug: str, member: int) -> HttpResponse:
    opened = open_study_to_own(request, slug)
    found, form = _member(opened, member), RoleForm(request.POST)
    if not form.is_valid():
        return _answer(request, slug, first_error(form), refused=True)
    try:
        verbs.change_role(found, opened.person, form.cleaned_data["role"])
    except verbs.MembershipError as error:
        return _answer(request, slug, str(error), refused=True)
    return _answer(request, slug, "The role is changed.")


@require_POST
def remove(request: HttpRequest, slug: str, member: int) -> HttpResponse:
    """Owners remove members; everybody may leave."""
    opened = open_study(request, slug)
    found = _member(opened, member)
    leaving = found.user == opened.viewer.user
    if not opened.may_share and not leaving:
        raise PermissionDenied
    try:
        verbs.remove(found, opened.person)
    except verbs.MembershipError as error:
        return _answer(request, slug, str(error), refused=True)
    if leaving:
        messages.success(request, f"You left {opened.study}.")
        return redirect("home")
    return _answer(request, slug, "The member is removed.")


@require_POST
def bring_back(request: HttpRequest, slug: str) -> HttpResponse:
    """Undo a removal."""
    opened = open_study_to_own(request, slug)
    try:
        verbs.bring_back(opened.study, opened.person, request.POST.get("back", ""))
    except verbs.MembershipError as error:
        return _answer(request, slug, str(error), refused=True)
    return _answer(request, slug, "The member is back.")


@require_POST
def revoke_invitation(request: HttpRequest, slug: str, invitation: int) -> HttpResponse:
    return _set_revoked(request, slug, invitation, True)


@require_POST
def reopen_invitation(request: HttpRequest, slug: str, invitation: int) -> HttpResponse:
    """Undo a revocation."""
    return _set_revoked(request, slug, invitation, False)


def _set_revoked(request: HttpRequest, slug: str, invitation: int, revoked: bool) -> HttpResponse:
    opened = open_study_to_own(request, slug)
    found = get_object_or_404(Invitation.objects.select_related("study"), study=opened.study, pk=invitation)
    verbs.set_revoked(found, opened.person, revoked)
    return _answer(request, slug, "The invitation is revoked." if revoked else "The invitation is open again.")


def _answer(request: HttpRequest, slug: str, said: str, refused: bool = False) -> HttpResponse:
    """To a script in JSON, to a form with the page and a line on it."""
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"error": said} if refused else {"said": said}, status=422 if refused else 200)
    (messages.error if refused else messages.success)(request, said)
    return redirect("members", slug)


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What one is invited to, for somebody logged in; with POST, joining it."""
    person = signed_in(request)
    found = verbs.open_invitation(token)
    if found is None:
        raise Http404
    if request.method == "POST":
        with suppress(verbs.MembershipError):
            member = verbs.accept(found, person)
            messages.success(request, f"You are {_article(member.role)} of this study.")
            return redirect(found.study)
    spent = verbs.is_spent(found, person)
    held = Membership.objects.filter(study=found.study, user=person).values_list("role", flat=True).first()
    context = {"invitation": found, "role": _article(found.role), "held": held, "spent": spent}
    response = render_page(request, "invitation.html", context, status=403 if spent else 200)
    response.headers["Cache-Control"] = "no-store"
    return response


def _article(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"


def _told(detail: dict[str, object]) -> list[tuple[str, str]]:
    """What an entry tells beyond its subject, in words."""
    words = {name: ", ".join(map(str, one)) if isinstance(one, list) else one for name, one in detail.items()}
    return [(name, "yes" if one is True else str(one)) for name, one in words.items() if one]


@require_safe
def audit_trail(request: HttpRequest, slug: str) -> HttpResponse:
    """Who did what, newest first, for owners."""
    opened = open_study_to_own(request, slug)
    rows = AuditEntry.objects.filter(study=opened.study).select_related("who")
    action, who, wanted = (request.GET.get(name, "").strip() for name in ("action", "who", "q"))
    if action in ACTIONS:
        rows = rows.filter(action=action)
    if who:
        rows = rows.filter(who__username=who)
    if wanted:
        rows = rows.filter(subject__icontains=wanted)
    page = Slice(request, rows, ENTRIES)
    people = User.objects.filter(pk__in=AuditEntry.objects.filter(study=opened.study).values("who")).order_by(
        "username"
    )
    context = study_context(opened, "audit_trail") | {
        "slice": page,
        "rows": [
            {"entry": entry, "did": ACTIONS.get(entry.action, entry.action), "more": _told(entry.detail)}
            for entry in page.rows
        ],
        "actions": ACTIONS,
        "people": list(people.values_list("username", flat=True)[:MEMBERS]),
        "action": action,
        "who": who,
        "q": wanted,
    }
    return render_page(request, "audit_trail.html", context, parts=("rows",))
