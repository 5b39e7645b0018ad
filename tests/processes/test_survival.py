"""SIGKILL in the middle of the work: the study completes, no sample is missing and none is there twice.

One small installation runs through the whole file, in order: its supervisor is killed during its first study; then, one
after the other, each of its parts during a sweep.
"""

import json
import signal

import pytest

from compute.miniature.study import SMALL
from tests.processes.installation import PARTS, Installation, still_running

pytestmark = [pytest.mark.processes, pytest.mark.ml]

COUNT = "select count(*) from frontier_app_sample"
COUNT_OF_SEED = """
select count(*) from frontier_app_sample s join frontier_app_evaluation e on e.id = s.evaluation_id
where (e.sampling->>'seed')::int = %s
"""
COMPLETE = "select count(*) from frontier_app_evaluation where state = 'complete' and (sampling->>'seed')::int = %s"
LOST = "select count(*) from frontier_app_job where state = 'lost'"
TWICE = """
select count(*) from (
  select 1 from frontier_app_sample group by evaluation_id, problem_id, index having count(*) > 1
) as twice
"""
WRONGLY_ROLLED_UP = """
select count(*) from frontier_app_evaluation e
where (select sum(n + infrastructure) from frontier_app_rollup where evaluation_id = e.id and level = 5)
  is distinct from (select count(*) from frontier_app_sample where evaluation_id = e.id)
"""
LAUNCH = """
from frontier_app import launch
from frontier_app.models import Path, Study
path, study = Path.objects.get(), Study.objects.get()
owner = study.members.get()
launch.launch_sweep(study, owner, path.low, path.high, {alphas}, samples={samples}, seed={seed})
"""
ALPHAS = [-0.5, -0.25, 0.25, 0.5, 0.75, 1.25]
SAMPLES = 16
# What is killed in each sweep, one after the other.
SWEEPS = [("web server", "gpu worker"), ("Valkey", "PostgreSQL")]


def test_killing_the_supervisor_leaves_nothing_running_and_the_next_start_completes_the_study(
    installation: Installation,
):
    supervisor = installation.start("demo", "--small")
    installation.wait_for(installation.page_answers, 120, "the page is up")
    installation.wait_for(lambda: installation.number(COUNT) > 0, 300, "the first samples")
    before = installation.everything()
    assert len(before) > len(PARTS)
    supervisor.kill()
    supervisor.wait()
    installation.supervisor = None
    installation.wait_for(lambda: not still_running([*before, *installation.everything()]), 15, "nothing runs any more")

    summary = installation.places.home / "summary.json"
    again = installation.start("demo", "--small", "--exit", "--summary", str(summary))
    assert again.wait(400) == 0, installation.told()

    points = json.loads(summary.read_text())["points"]
    assert sorted(point["alpha"] for point in points if point["alpha"] is not None) == sorted(SMALL.alphas)
    for point in points:
        for difficulty, problems in SMALL.held_out.items():
            rates = point["difficulties"][difficulty]
            assert rates["n"] + rates["infrastructure_count"] == problems * SMALL.samples


@pytest.mark.parametrize("names", SWEEPS, ids=" then ".join)
def test_killing_parts_in_the_middle_of_a_sweep_loses_nothing(installation: Installation, names: tuple[str, ...]):
    installation.serve()
    seed = 100 + SWEEPS.index(names)
    lost_before = installation.number(LOST)
    installation.shell(LAUNCH.format(alphas=ALPHAS, samples=SAMPLES, seed=seed))
    for name in names:
        _kill(installation, name, seed)

    installation.wait_for(lambda: installation.number(COMPLETE, seed) == len(ALPHAS), 240, "the sweep is complete")
    assert installation.number(COUNT_OF_SEED, seed) == len(ALPHAS) * SMALL.evaluated_problems * SAMPLES
    assert installation.rows(TWICE) == [(0,)]
    assert installation.rows(WRONGLY_ROLLED_UP) == [(0,)]
    assert installation.number(LOST) - lost_before == names.count("gpu worker")
    installation.wait_for(installation.page_answers, 30, "the page answers")


def _kill(installation: Installation, name: str, seed: int) -> None:
    """Once more samples have come, with more to come; and wait for the successor."""
    done = installation.number(COUNT_OF_SEED, seed)
    installation.wait_for(lambda: installation.number(COUNT_OF_SEED, seed) > done, 240, f"samples before {name}")
    assert installation.number(COMPLETE, seed) < len(ALPHAS), f"{name} is killed while the sweep runs"
    victim = installation.part(name)
    assert victim is not None
    victim.send_signal(signal.SIGKILL)

    def succeeded() -> bool:
        found = installation.part(name)
        return found is not None and found.pid != victim.pid

    installation.wait_for(succeeded, 60, f"another {name}")
