"""Logging in by password and by the one-time address."""

import hashlib
from datetime import timedelta

import factories
import pytest
from django.core.cache import cache
from django.utils import timezone

from frontier_app import login_brake
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


@pytest.mark.parametrize("address", ["/login/", "/admin/login/"])
def test_guessing_at_an_account_is_braked_for_its_address_alone(client_of, address):
    cache.clear()
    alice = factories.alice()
    alice.is_staff = True
    alice.set_password("correct horse")
    alice.save()

    def attempt(password: str, name: str = "alice", **more: str):
        return client_of(None).post(address, {"username": name, "password": password}, **more)

    for name in ("alice", "Alice") * 5:
        assert "too many attempts" not in attempt("wrong", name).content.decode()
    braked = attempt("correct horse")
    assert "too many attempts to log in: wait ten minutes" in braked.content.decode()
    assert attempt("correct horse", REMOTE_ADDR="192.0.2.1").status_code == 302
    assert "too many" not in attempt("wrong", "bob").content.decode()
    cache.clear()


def test_an_address_that_guesses_at_many_accounts_is_braked(client_of, monkeypatch):
    cache.clear()
    monkeypatch.setattr(login_brake, "OF_ADDRESS", 3)
    alice = factories.alice()
    alice.set_password("correct horse")
    alice.save()

    def attempt(name: str, password: str = "wrong") -> int:
        return client_of(None).post("/login/", {"username": name, "password": password}).status_code

    assert [attempt("a"), attempt("b"), attempt("alice", "correct horse")] == [422, 422, 302]
    assert [attempt("c"), attempt("d"), attempt("e")] == [422, 429, 429]
    cache.clear()


def test_a_right_password_ends_the_count(client_of):
    cache.clear()
    alice = factories.alice()
    alice.set_password("correct horse")
    alice.save()
    for _ in range(3):
        tried = [
            client_of(None).post("/login/", {"username": "alice", "password": password}).status_code
            for password in [*["wrong"] * 9, "correct horse"]
        ]
        assert tried == [422] * 9 + [302]


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
