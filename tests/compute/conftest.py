"""Fixtures for tests of compute: a policy of a few hundred parameters and a problem set of three sums."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from compute.problems.problem import BlobStore, Problem, TestCase, write_problem_set
from tests.compute.packages import read_draft, read_refusal

FAST = "print(sum(map(int, input().split())))\n"
WRONG = "print(0)\n"
SLOW = "numbers = list(map(int, input().split()))\nfor _ in range(len(numbers) ** 3): pass\nprint(sum(numbers))\n"
STATEMENTS = ("Add", "Sum", "Total")
SIZES = (2, 3, 4, 300, 500)
CHAT_TEMPLATE = "{{ messages[0]['content'] }}\n{% if add_generation_prompt %}```python\n{% endif %}"


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Several threads on shared cores are many times slower than one."""
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture
def blobs(tmp_path):
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def draft(tmp_path):
    """Reads the minimal package with changes and expects one problem."""
    return partial(read_draft, tmp_path)


@pytest.fixture
def refusal(tmp_path):
    """Reads the minimal package with changes and expects one refusal, whose reason it returns."""
    return partial(read_refusal, tmp_path)


@pytest.fixture(scope="session")
def sums(tmp_path_factory):
    """A problem set source as a config holds it: three problems of five tests, one a level. `SLOW` meets the limit on
    levels 1 to 3 only."""
    folder = tmp_path_factory.mktemp("sums")
    blobs = BlobStore(folder / "blobs")
    problems = [sum_problem(blobs, f"sum-{place}", statement) for place, statement in enumerate(STATEMENTS)]
    write_problem_set(folder / "sums.jsonl", problems)
    return {"reference": "sums", "path": str(folder / "sums.jsonl"), "blobs": str(folder / "blobs")}


def sum_problem(blobs, slug, statement):
    tests = []
    for level, size in enumerate(SIZES, start=1):
        numbers = [(7 * size + 3 * place) % 90 + 1 for place in range(size)]
        given = " ".join(map(str, numbers)).encode() + b"\n"
        tests.append(
            TestCase(
                identifier=f"t{level}",
                group=level,
                input=blobs.put(given),
                output=blobs.put(f"{sum(numbers)}\n".encode()),
                size_bytes=len(given),
                reference_seconds=0.001,
                public=level == 1,
            )
        )
    return Problem(
        slug=slug,
        title=slug,
        statement=statement,
        difficulty="easy",
        cpu_seconds=0.1,
        memory_bytes=256 << 20,
        tests=tuple(tests),
    )


@pytest.fixture(scope="session")
def tiny_policy(tmp_path_factory):
    """A checkpoint folder: a random Llama whose vocabulary holds whole programs: one token decides an answer."""
    return write_tiny_policy(tmp_path_factory.mktemp("policies") / "start", seed=0)


@pytest.fixture(scope="session")
def other_policy(tmp_path_factory):
    """The same architecture and tokenizer as `tiny_policy`, other weights."""
    return write_tiny_policy(tmp_path_factory.mktemp("policies") / "other", seed=1)


def write_tiny_policy(folder, seed):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tiny_tokenizer()
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=64,
            tie_word_embeddings=True,
            initializer_range=0.3,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_tokenizer():
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    answers = [f"{program}```" for program in (FAST, WRONG, SLOW)]
    vocabulary = ["<pad>", "<unk>", "<end>", "```python\n", "\n", *answers, *STATEMENTS]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"```python\n|\n|[A-Za-z]+"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="<end>", padding_side="left"
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


@pytest.fixture
def compute_job(tmp_path):
    """Run `python -m compute KIND` on a config and return (exit status, events)."""

    def run(kind, config, **keywords):
        path = tmp_path / f"{kind}.json"
        path.write_text(json.dumps(config, default=str))
        command = [sys.executable, "-m", "compute", kind, str(path)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=180, cwd=Path(__file__).parents[2], check=False, **keywords
        )
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    return run
