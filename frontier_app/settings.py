"""Settings. Everything that differs between installations comes from the environment.

DATABASE_URL            PostgreSQL; unset means the embedded server of FRONTIER_HOME
REDIS_URL               Redis or Valkey (redis://, rediss://, unix://); unset means the embedded one
SECRET_KEY              required with DATABASE_URL; otherwise kept in FRONTIER_HOME
FRONTIER_HOME           data folder: blobs, problem sets, checkpoints, job logs, judge cache
FRONTIER_GPU_SLOTS      how many `gpu` workers there are (default: one a device, two without any)
FRONTIER_QUEUES         workers of named queues instead, each with its devices: "h100=0,1 h100=2,3 l4=4"
FRONTIER_DEVICES        what workers report where no driver tells: "NVIDIA H100=80, NVIDIA H100=80" (GB)
FRONTIER_HTTPS          1 marks cookies as secure; the default with DATABASE_URL
ALLOWED_HOSTS           further host names, separated by commas
CSRF_TRUSTED_ORIGINS    further origins (https://...), separated by commas
DEBUG                   1 shows tracebacks on pages

Importing this module writes nothing and connects to nothing.
"""

import importlib.util
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from frontier_app.embedded.devices import Slot, default_slots, gpu_slots, named_slots, names_of
from frontier_app.embedded.places import Places, default_home


def flag(name: str, default: bool) -> bool:
    return os.environ.get(name, "1" if default else "0").strip().lower() in ("1", "true", "yes", "on")


def words(name: str) -> list[str]:
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def slots(name: str) -> int:
    given = os.environ.get(name)
    if not given:
        return default_slots()
    if not given.isdecimal() or int(given) < 1:
        raise ImproperlyConfigured(f"{name} must be a positive number, not {given!r}.")
    return int(given)


def job_slots() -> list[Slot]:
    """The workers for trainings and evaluations, at least one."""
    try:
        return named_slots(os.environ.get("FRONTIER_QUEUES", "")) or gpu_slots(slots("FRONTIER_GPU_SLOTS"))
    except ValueError as error:
        raise ImproperlyConfigured(f"FRONTIER_QUEUES: {error}") from None


def kombu_url(url: str) -> str:
    """Celery's spelling of a Redis address: kombu says redis+socket:// where redis-py says unix://."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    query = {("virtual_host" if key == "db" else key): value for key, value in parse_qsl(parts.query)}
    return f"redis+socket://{parts.path}?{urlencode(query)}"


PROJECT = Path(__file__).resolve().parent.parent
PLACES = Places(default_home())
FRONTIER_HOME = PLACES.home
FRONTIER_SLOTS = job_slots()
FRONTIER_QUEUES = names_of(FRONTIER_SLOTS)  # the first is where trainings and evaluations go unless somebody chooses
EMBEDDED = not os.environ.get("DATABASE_URL")

DEBUG = flag("DEBUG", False)
if os.environ.get("SECRET_KEY"):
    SECRET_KEY = os.environ["SECRET_KEY"]
elif not EMBEDDED and not DEBUG:
    raise ImproperlyConfigured("DATABASE_URL is set but SECRET_KEY is not: set SECRET_KEY to a long random string.")
elif PLACES.secret_key_file.exists() and os.access(PLACES.secret_key_file, os.R_OK):
    SECRET_KEY = PLACES.secret_key_file.read_text().strip()
else:
    SECRET_KEY = secrets.token_urlsafe(48)  # for this process only: nothing is served before the home folder exists

ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *words("ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")

DATABASES: dict[str, dict[str, Any]]
if EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "frontier",
            "USER": "frontier",
            "HOST": str(PLACES.postgres_sockets),
        }
    }
else:
    DATABASES = {"default": {**dj_database_url.parse(os.environ["DATABASE_URL"])}}
    if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database (postgresql://user@host/name).")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL") or PLACES.redis_url
BROKER_URL = kombu_url(REDIS_URL)
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
}

# What a web process counts for itself (`login_brake`).
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20_000}},
}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "channels",
    "django_htmx",
    "template_partials",
    "frontier_app",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "frontier_app.security.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "frontier_app.urls"
ASGI_APPLICATION = "frontier_app.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]


def package_data(package: str, folder: str) -> Path:
    """A folder inside an installed package, found without importing the package."""
    found = importlib.util.find_spec(package)
    assert found is not None, f"{package} is not installed"
    assert found.submodule_search_locations, f"{package} is not a package"
    return Path(found.submodule_search_locations[0]) / folder


STATIC_URL = "/static/"
STATICFILES_DIRS = [PROJECT / "static", ("plotly", package_data("plotly", "package_data"))]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = EMBEDDED or DEBUG  # a file edited under a running server is served as it is now
WHITENOISE_MAX_AGE = 0 if WHITENOISE_AUTOREFRESH else 300

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

SESSION_COOKIE_NAME = "frontier_session"
CSRF_COOKIE_NAME = "frontier_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("FRONTIER_HTTPS", not EMBEDDED and not DEBUG)
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"httpx": {"level": "WARNING"}, "django.channels.server": {"level": "WARNING"}},
}
