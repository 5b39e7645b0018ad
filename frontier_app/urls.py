"""Every address of the site."""

from django.contrib import admin
from django.urls import path

from frontier_app.api import api
from frontier_app.views import (
    audit,
    checkpoints,
    comparing,
    evaluation_list,
    evaluations,
    exporting,
    failing,
    home,
    jobs,
    launching,
    lineage,
    login,
    problems,
    runs,
    sharing,
    studies,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("studies/new/miniature/", home.create_miniature, name="create_miniature"),
    path("studies/new/", home.new_study, name="new_study"),
    path("login/", login.log_in, name="login"),
    path("login/once/<str:token>/", login.log_in_once, name="login_once"),
    path("logout/", login.log_out, name="logout"),
    path("share/<str:token>/", sharing.share, name="share"),
    path("studies/<slug:slug>/", studies.study, name="study"),
    path("studies/<slug:slug>/explorer.json", studies.study_data, name="study_data"),
    path("studies/<slug:slug>/programs.json", studies.study_programs, name="study_programs"),
    path("studies/<slug:slug>/program.json", studies.study_program, name="study_program"),
    path("studies/<slug:slug>/figure.pdf", exporting.figure_pdf, name="figure_pdf"),
    path("studies/<slug:slug>/chip/", jobs.chip, name="study_chip"),
    path("studies/<slug:slug>/problems/", problems.problems, name="problems"),
    path("share/<str:token>/embed/", sharing.embed, name="embed"),
    path("studies/<slug:slug>/problems/<str:problem>/", problems.problem, name="problem"),
    path("studies/<slug:slug>/problems/<str:problem>/sizes.json", problems.sizes, name="problem_sizes"),
    path("studies/<slug:slug>/audit/", audit.audit, name="audit"),
    path("studies/<slug:slug>/audit/figures.json", audit.figures, name="audit_figures"),
    path("studies/<slug:slug>/runs/", runs.runs, name="runs"),
    path("studies/<slug:slug>/runs/diff/", runs.diff, name="run_diff"),
    path("studies/<slug:slug>/runs/cancel/", runs.cancel_runs, name="cancel_runs"),
    path("studies/<slug:slug>/runs/curves.json", runs.curves, name="run_curves"),
    path("studies/<slug:slug>/checkpoints/", checkpoints.checkpoints, name="checkpoints"),
    path("studies/<slug:slug>/checkpoints/lineage/", lineage.lineage, name="lineage"),
    path("studies/<slug:slug>/evaluations/", evaluation_list.evaluations, name="evaluations"),
    path("studies/<slug:slug>/evaluations/<str:reference>/", evaluations.evaluation, name="evaluation"),
    path("studies/<slug:slug>/failures/", failing.failures, name="failures"),
    path("studies/<slug:slug>/failures/grid.json", failing.grid, name="failures_grid"),
    path("studies/<slug:slug>/failures/samples/", failing.samples, name="samples"),
    path("studies/<slug:slug>/failures/inspect/", failing.inspect, name="inspect"),
    path("studies/<slug:slug>/failures/<slug:panel>.json", failing.panel, name="failures_panel"),
    path("studies/<slug:slug>/compare/", comparing.comparison, name="compare"),
    path("studies/<slug:slug>/jobs/", jobs.study_jobs, name="study_jobs"),
    path("studies/<slug:slug>/launch/<str:kind>/", launching.launch, name="launch"),
    path("studies/<slug:slug>/launch/<str:kind>/estimate/", launching.estimate, name="launch_estimate"),
    path("studies/<slug:slug>/sharing/", sharing.study_sharing, name="study_sharing"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<str:reference>/", jobs.job, name="job"),
    path("jobs/<str:reference>/log/", jobs.log, name="job_log"),
    path("jobs/<str:reference>/cancel/", jobs.cancel, name="job_cancel"),
    path("jobs/<str:reference>/retry/", jobs.retry, name="job_retry"),
    path("jobs/<str:reference>/import/", jobs.import_for_real, name="job_import"),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
]

handler403 = "frontier_app.views.errors.forbidden"
handler404 = "frontier_app.views.errors.not_found"
handler500 = "frontier_app.views.errors.server_error"
    path("studies/<slug:slug>/sharing/<int:link>/revoke/", sharing.revoke, name="revoke_link"),
    path("studies/<slug:slug>/sharing/<int:link>/reopen/", sharing.reopen, name="reopen_link"),
