"""vLLM against transformers, with real weights. Needs an interpreter that has vLLM: FRONTIER_VLLM_PYTHON names it."""

import io
import json
import os
import socket
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from compute.configs import Ingredient, ProblemsConfig, Sampling, Served, VllmOptions, parse_config
from compute.errors import Cancelled, EngineError
from compute.events import EventWriter

pytestmark = pytest.mark.ml
ROOT = Path(__file__).parents[2]
BASE = ROOT / "compute" / "miniature" / "base"
EXTENSION = "compute.rollout.engines.vllm_weights.SetsAverage"
ALPHAS = (-0.5, 0.5, 1.5)
GREEDY = Sampling(samples=1, temperature=0, max_tokens=120)


def without_vllm():
    """Why vLLM cannot be tried here; empty when it can."""
    python = os.environ.get("FRONTIER_VLLM_PYTHON", "")
    if not python:
        return "FRONTIER_VLLM_PYTHON is not set: vLLM is not tried"
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
    return "" if subprocess.run([python, "-c", code], check=False).returncode == 0 else f"{python} has no vllm"


needs_vllm = pytest.mark.skipif(bool(without_vllm()), reason=without_vllm() or "vLLM is there")


@pytest.fixture(scope="module")
def vllm():
    """An engine on the miniature's base."""
    from compute.rollout.engines.vllm_engine import VllmEngine

    with closing(VllmEngine(BASE, VllmOptions(), initialisation=BASE)) as engine:
        yield engine


@pytest.fixture(scope="module")
def transformers():
    from compute.rollout.engines.transformers_engine import TransformersEngine

    return TransformersEngine(BASE, initialisation=BASE)


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """Two checkpoints a little way from the base."""
    import torch

    from compute.checkpoints import Manifest, read_tensors, write_checkpoint

    folder = tmp_path_factory.mktemp("ends")
    found = []
    for seed, name in enumerate(("low", "high")):
        generator = torch.Generator().manual_seed(seed)
        tensors = {
            key: tensor + 0.7 * tensor.std() * torch.randn(tensor.shape, generator=generator)
            for key, tensor in read_tensors(BASE).items()
        }
        write_checkpoint(folder / name, tensors, Manifest(reference=name, origin="trained"), files_from=BASE)
        found.append(folder / name)
    return found


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    """A problem set of the miniature as a config holds it."""
    from compute.miniature.problem_sets import run

    folder = tmp_path_factory.mktemp("problems")
    few = {"easy": 3, "medium": 2, "hard": 1}
    config = ProblemsConfig(
        train_reference="train",
        held_out_reference="held-out",
        folder=folder,
        blobs=folder / "blobs",
        train=few,
        held_out=few,
    )
    stream = io.StringIO()
    run(config, EventWriter(stream), lambda: False)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    ready = next(e for e in events if e["type"] == "problem_set" and e["problem_set"] == "held-out")
    return {"reference": "held-out", "path": ready["path"], "blobs": ready["blobs"]}


@pytest.fixture
def asked(problems):
    from compute.problems.problem import read_problem_set
    from compute.rollout.reasoning import messages

    read = read_problem_set(Path(problems["path"]))
    return [messages(problem.statement) for problem in read], [problem.slug for problem in read]


def terms(ends, alpha):
    return [
        Ingredient(reference=folder.name, folder=folder, weight=weight)
        for folder, weight in zip(ends, (1 - alpha, alpha), strict=True)
    ]


def alike(ours, theirs):
    """The same texts to the letter, and log-probabilities up to rounding."""
    assert [[one.text for one in group] for group in ours] == [[one.text for one in group] for group in theirs]
    for one, other in zip((c for g in ours for c in g), (c for g in theirs for c in g), strict=True):
        assert (one.tokens, one.finish, one.prompt_tokens) == (other.tokens, other.finish, other.prompt_tokens)
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-3)


@needs_vllm
def test_greedy_answers_are_those_of_transformers_at_the_base_and_at_averages_set_in_place(
    vllm, transformers, ends, asked
):
    seen = set()
    for ingredients in ([Ingredient(reference="base", folder=BASE, weight=1)], *(terms(ends, a) for a in ALPHAS)):
        for engine in (vllm, transformers):
            engine.set_weights(ingredients)
        answers = vllm.generate(*asked, GREEDY)
        alike(answers, transformers.generate(*asked, GREEDY))
        for name, figure in transformers.alarms().items():
            assert vllm.alarms()[name] == (None if figure is None else pytest.approx(figure, rel=1e-3, abs=1e-6))
        seen.add(tuple(group[0].text for group in answers))
    assert len(seen) == 4  # the weights did change


@needs_vllm
def test_a_materialised_average_is_loaded_when_it_cannot_be_set_in_place(vllm, transformers, ends, asked):
    from compute.rollout.engines.averages import materialised

    vllm.set_weights(terms(ends, 0.5))
    in_place = vllm.generate(*asked, GREEDY)
    vllm.set_weights(terms(ends, 1.5))
    with materialised(terms(ends, 0.5)) as folder:
        vllm._tell_all({"load": str(folder)})
        alike(vllm.generate(*asked, GREEDY), in_place)


@needs_vllm
def test_an_answer_drawn_by_vllm_hangs_on_its_seed_key_and_index_alone(vllm, ends, asked):
    prompts, keys = asked
    vllm.set_weights(terms(ends, 0.5))
    sampling = Sampling(samples=3, max_tokens=40)
    together = vllm.generate(prompts, keys, sampling)
    alone = vllm.generate(prompts[1:2], keys[1:2], sampling)
    assert [one.text for one in together[1]] == [one.text for one in alone[0]]
    other = vllm.generate(prompts, keys, sampling.model_copy(update={"seed": 1}))
    assert [one.text for group in together for one in group] != [one.text for group in other for one in group]


@needs_vllm
def test_a_sweep_through_vllm_ends_in_the_verdicts_of_transformers(ends, problems, tmp_path):
    from compute.rollout.evaluate import run

    points = [
        {
            "evaluation": f"a{alpha}",
            "checkpoint": f"merge-{alpha}",
            "alpha": alpha,
            "ingredients": [one.model_dump(mode="json") for one in terms(ends, alpha)],
        }
        for alpha in (0, *ALPHAS, 1)
    ]
    config = {"kind": "evaluate", "points": points, "problems": problems, "sampling": GREEDY.model_dump()}
    letters = {}
    for engine in ("vllm", "transformers"):
        stream = io.StringIO()
        run(parse_config(config | {"engine": engine}), EventWriter(stream), lambda: False)
        sent = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert not [event for event in sent if event["type"] == "log"]
        letters[engine] = {
            (event["evaluation"], one["problem"]): (one["letters"], one["program"])
            for event in sent
            if event["type"] == "samples"
            for one in event["samples"]
        }
    assert letters["vllm"] == letters["transformers"]
    assert len(letters["vllm"]) == 5 * 6


@pytest.fixture
def vllm_server(tmp_path):
    """The address of a vLLM server that serves the miniature's base and lets its weights be set."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"VLLM_SERVER_DEV_MODE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "PYTHONPATH": str(ROOT)}
    command = [os.environ["FRONTIER_VLLM_PYTHON"], "-m", "vllm.entrypoints.openai.api_server", "--model", str(BASE)]
    command += ["--served-model-name", "base", "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    command += ["--enforce-eager", "--logprobs-mode", "processed_logprobs", "--worker-extension-cls", EXTENSION]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait()


@needs_vllm
def test_a_vllm_server_becomes_each_average_in_place(vllm_server, transformers, ends, asked):
    from compute.rollout.engines.vllm_server_engine import VllmServerEngine

    served = Served(base_url=vllm_server, model="base", interface="vllm")
    with httpx.Client(transport=httpx.HTTPTransport(retries=0)) as client:
        wait_until_healthy(client, vllm_server.removesuffix("/v1") + "/health")
    notes = []
    with closing(VllmServerEngine(BASE, served, initialisation=BASE, note=notes.append)) as engine:
        for alpha in ALPHAS:
            for each in (engine, transformers):
                each.set_weights(terms(ends, alpha))
            alike(engine.generate(*asked, GREEDY), transformers.generate(*asked, GREEDY))
    assert notes == []


def wait_until_healthy(client, url):
    for _ in range(600):
        with suppress(httpx.TransportError):
            if client.get(url).is_success:
                return
        time.sleep(0.5)
    raise AssertionError("the server did not come up")


@needs_vllm
def test_a_cancelled_job_does_not_wait_for_vllm(vllm, asked):
    """Last: the child is in the middle of an answer afterwards."""
    with pytest.raises(Cancelled):
        vllm.generate(*asked, Sampling(samples=200, max_tokens=120), lambda: True)


def test_without_vllm_the_reason_says_what_to_do(monkeypatch):
    from compute.rollout.engines import vllm_engine

    monkeypatch.setenv("FRONTIER_VLLM_PYTHON", "/nowhere/python")
    with pytest.raises(EngineError, match=r"FRONTIER_VLLM_PYTHON names /nowhere/python, which is no interpreter"):
        vllm_engine.interpreter()


def test_a_child_that_dies_is_told_with_its_status(tmp_path):
    from compute.rollout.engines.vllm_engine import Child

    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nread line\nexit 3\n")
    python.chmod(0o755)
    child = Child(str(python), {})
    child.send({"folder": "/none"})
    with pytest.raises(EngineError, match=r"vLLM's process ended with status 3"):
        child.receive(lambda: False)
    child.close()


def test_copies_share_the_devices_among_them(monkeypatch):
    from compute.rollout.engines.vllm_engine import devices_of

    two = VllmOptions(tensor_parallel=2, data_parallel=2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [share["CUDA_VISIBLE_DEVICES"] for share in devices_of(two)] == ["0,1", "2,3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    assert [share["CUDA_VISIBLE_DEVICES"] for share in devices_of(two)] == ["4,5", "6,7"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    with pytest.raises(EngineError, match=r"2 copies on 2 devices each do not fit into the 3 devices"):
        devices_of(two)
