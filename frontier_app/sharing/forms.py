"""The forms by which people hand a study on: share links, saved views, invitations, roles, comments."""

from django import forms

from frontier_app.models import Membership

OPEN_FOR = [("7", "a week"), ("30", "a month"), ("365", "a year"), ("", "ever")]
MOST_NOTE = 4_000
MOST_COMMENT = 10_000


class ShareForm(forms.Form):
    address = forms.CharField(required=False, widget=forms.HiddenInput, max_length=6_000)
    name = forms.CharField(label="For whom", required=False, max_length=120, help_text="only owners see this")
    days = forms.ChoiceField(label="Open for", required=False, initial="30", choices=OPEN_FOR)
    allow_programs = forms.BooleanField(
        label="Show programs", required=False, help_text="what the policies wrote, as text"
    )


class SavedViewForm(forms.Form):
    address = forms.CharField(required=False, widget=forms.HiddenInput, max_length=6_000)
    name = forms.CharField(label="Name", max_length=120)
    note = forms.CharField(label="Note", required=False, max_length=MOST_NOTE, widget=forms.Textarea({"rows": 3}))


class InvitationForm(forms.Form):
    role = forms.ChoiceField(label="Role", choices=Membership.ROLES, initial=Membership.VIEWER)
    days = forms.ChoiceField(label="Open for", required=False, initial="7", choices=OPEN_FOR)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="Role", choices=Membership.ROLES)


class CommentForm(forms.Form):
    text = forms.CharField(label="Comment", max_length=MOST_COMMENT, widget=forms.Textarea({"rows": 3}))
    evaluation = forms.CharField(required=False, max_length=200)
    problem = forms.CharField(required=False, max_length=200)
    alpha = forms.FloatField(required=False, min_value=-100, max_value=100)


def first_error(form: forms.Form) -> str:
    """The first sentence that refuses a form, with the field's label before it."""
    field, sentences = next(iter(form.errors.items()))
    label = form.fields[field].label if field in form.fields else None
    return f"{label}: {sentences[0]}" if label else str(sentences[0])
