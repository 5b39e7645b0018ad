"""The rows as Django's admin shows them, for repairs. Large tables are looked up by number, never listed in a menu."""

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm

from frontier_app import models
from frontier_app.login_brake import BrakedForm


class AdminLoginForm(BrakedForm, AdminAuthenticationForm):
    pass


admin.site.login_form = AdminLoginForm


@admin.register(models.Study)
class StudyAdmin(admin.ModelAdmin):
    list_display = ("slug", "title", "seed", "created")
    search_fields = ("slug", "title")
    raw_id_fields = ("base", "train_set", "held_out_set")


@admin.register(models.Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ("study", "user", "role")
    list_select_related = ("study", "user")


@admin.register(models.Job)
class JobAdmin(admin.ModelAdmin):
    list_display = ("reference", "title", "state", "attempt", "worker", "heartbeat", "error_kind")
    list_filter = ("state", "kind", "queue")
    search_fields = ("reference", "title")
    raw_id_fields = ("study", "parent", "needs", "launched_by")
    readonly_fields = ("token", "last_sequence", "heartbeat", "lease_until")


@admin.register(models.Checkpoint)
class CheckpointAdmin(admin.ModelAdmin):
    list_display = ("reference", "name", "origin", "study", "size_bytes")
    list_filter = ("origin",)
    list_select_related = ("study",)
    search_fields = ("reference", "name")
    raw_id_fields = ("study", "made_by", "parent", "run")


@admin.register(models.Run)
class RunAdmin(admin.ModelAdmin):
    list_display = ("reference", "coverage", "seed", "steps")
    search_fields = ("reference",)
    raw_id_fields = ("study", "initialisation", "job")


@admin.register(models.Evaluation)
class EvaluationAdmin(admin.ModelAdmin):
    list_display = ("reference", "alpha", "state", "samples_done", "isolation")
    list_filter = ("state", "setting")
    search_fields = ("reference",)
    raw_id_fields = ("study", "checkpoint", "path", "problem_set", "job")


@admin.register(models.ProblemSet)
class ProblemSetAdmin(admin.ModelAdmin):
    list_display = ("reference", "title", "levels", "created")
    search_fields = ("reference",)


@admin.register(models.Problem)
class ProblemAdmin(admin.ModelAdmin):
    list_display = ("slug", "problem_set", "difficulty", "position")
    list_filter = ("difficulty",)
    list_select_related = ("problem_set",)
    search_fields = ("slug", "title")
    raw_id_fields = ("problem_set", "parent")


@admin.register(models.ShareLink)
class ShareLinkAdmin(admin.ModelAdmin):
    list_display = ("study", "created_by", "allow_programs", "revoked", "expires")
    list_select_related = ("study", "created_by")
    exclude = ("token",)


@admin.register(models.ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    list_display = ("name", "user", "created", "last_used")
    list_select_related = ("user",)
    exclude = ("token_sha256",)

    def has_add_permission(self, request: object) -> bool:
        """A token can be read only where it is issued, and nobody would ever see one that was made here."""
        return False


@admin.register(models.Worker)
class WorkerAdmin(admin.ModelAdmin):
    list_display = ("name", "queues", "devices", "seen")
