"""A study that is copied for a test is the one that its factory made."""

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from frontier_app.models import Evaluation, Membership, Rollup, Sample, Study
from tests import factories

pytestmark = pytest.mark.django_db


def rows() -> list[list[tuple]]:
    members = Membership.objects.order_by("pk").values_list("study__slug", "user__username", "role")
    return [list(members), *(list(model.objects.order_by("pk").values_list()) for model in (Study, Evaluation, Sample))]


def test_a_copy_has_the_same_rows_and_belongs_to_the_people_of_today() -> None:
    with transaction.atomic():
        made = factories.measured_study("copied", problems=2, samples=2, alphas=(0.0, 1.0))
        before = rows()
        transaction.set_rollback(True)
    assert not Study.objects.exists()
    vera = User.objects.create(username="vera")
    copied = factories.measured_study("copied", problems=2, samples=2, alphas=(0.0, 1.0))
    assert rows() == before
    assert copied == made
    assert copied.study is not made.study
    assert Membership.objects.get(user=vera).study == copied.study
    assert Rollup.objects.filter(evaluation__in=copied.evaluations).exists()


def test_beside_another_study_one_is_made_as_ever() -> None:
    factories.empty_study("other")
    first = factories.measured_study("beside", problems=1, samples=1, alphas=(0.0,))
    assert Sample.objects.filter(evaluation__study=first.study).count() == 2
