"""Logging in by password and by the one-time address."""

import hashlib
from datetime import timedelta

import factories
import pytest
from django.utils import timezone

from frontier_app.models import LoginLink

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def one_time_token(seconds: float = 60) -> str:
    token = "a-token-from-the-terminal"
    LoginLink.objects.create(
        token_sha256=hashlib.sha256(token.encode()).hexdigest(),
        user=factories.alice(),
        expires=timezone.now() + timedelta(seconds=seconds),
    )
    return token


def logged_in(client) -> bool:
    return client.get("/").status_code == 200


def test_a_one_time_address_logs_in_once(client_of):
    token, first, second = one_time_token(), client_of(None), client_of(None)

    assert first.get(f"/login/once/{token}/").url == "/"
    assert logged_in(first)
    assert second.get(f"/login/once/{token}/").status_code == 403
    assert not logged_in(second)


def test_an_expired_address_says_what_to_do(client_of):
    response = client_of(None).get(f"/login/once/{one_time_token(seconds=-1)}/")

    assert response.status_code == 403
    assert "has been used or has expired" in response.content.decode()


def test_a_prefetch_does_not_use_the_address_up(client_of):
    token, client = one_time_token(), client_of(None)

    assert client.get(f"/login/once/{token}/", headers={"Sec-Purpose": "prefetch"}).status_code == 503
    assert client.head(f"/login/once/{token}/").status_code == 405
    client.get(f"/login/once/{token}/")
    assert logged_in(client)


def test_an_address_of_somebody_inactive_does_not_log_in(client_of):
    token, client = one_time_token(), client_of(None)
    alice = factories.alice()
    alice.is_active = False
    alice.save()

    assert client.get(f"/login/once/{token}/").status_code == 403
    assert not logged_in(client)


def test_the_address_is_harmless_for_somebody_logged_in(client_of):
    token = one_time_token()

    assert client_of(factories.bob()).get(f"/login/once/{token}/").url == "/"
    assert not LoginLink.objects.get().used


def test_a_password_logs_in_and_goes_on_to_the_page_asked_for(client_of):
    alice = factories.alice()
    alice.set_password("correct horse")
    alice.save()
    client = client_of(None)

    wrong = client.post("/login/", {"username": "alice", "password": "wrong", "next": "/jobs/"})
    right = client.post("/login/", {"username": "alice", "password": "correct horse", "next": "/jobs/"})

    assert wrong.status_code == 422
    assert right.url == "/jobs/"


@pytest.mark.parametrize("address", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
def test_login_never_leads_to_another_site(client_of, address):
    alice = factories.alice()
    alice.set_password("correct horse")
    alice.save()

    response = client_of(None).post("/login/", {"username": "alice", "password": "correct horse", "next": address})

    assert response.url == "/"


def test_logging_out_needs_a_post(client_of):
    client = client_of(factories.alice())

    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    assert not logged_in(client)
