"""A real architecture at full width, cut to two layers, through every stage of a study: each a process of its own.

Qwen 2.5 7B's configuration (hidden 3584, feed-forward 18944, 28 heads, 4 of keys and values) with random weights in
bfloat16. Its vocabulary is cut to some letters and five words that hold a whole program each, so that random weights
earn rewards; or it has all of its 152 064 rows, for what needs no rewards. Learning is in float32, 16 bytes a parameter
as in bfloat16 with float32 copies: on a processor without bfloat16 instructions its backward pass takes a hundred times
as long.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from compute.memory_plan import KNOWN
from compute.problems.problem import BlobStore, write_problem_set
from tests.compute.conftest import CHAT_TEMPLATE, FAST, SLOW, STATEMENTS, WRONG, sum_problem

ROOT = Path(__file__).parents[2]
LAYERS = 2
FULL_VOCABULARY = KNOWN["qwen2.5-7b"]["vocab_size"]
ALPHAS = (0.0, 1.25, 1.0)
MERGED_ALPHA = 1.25
SECONDS_BETWEEN_LOOKS = 0.02
RIGHT = (
    FAST,
    "print(sum(int(word) for word in input().split()))\n",
    "import sys\nprint(sum(map(int, sys.stdin.read().split())))\n",
)

MAKE = """
import sys, torch
from transformers import Qwen2Config, Qwen2ForCausalLM
from tests.compute.full_width import tokenizer_of_programs
folder, shape, seed = sys.argv[1], eval(sys.argv[2]), int(sys.argv[3])
tokenizer = tokenizer_of_programs()
torch.manual_seed(seed)
torch.set_default_dtype(torch.bfloat16)
known = dict(pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None)
model = Qwen2ForCausalLM(Qwen2Config(**({"vocab_size": len(tokenizer)} | shape), **known))
model.save_pretrained(folder)
tokenizer.save_pretrained(folder)
"""
LOAD = """
import sys
from pathlib import Path
from compute.rollout.policy import load_policy
model, _ = load_policy(Path(sys.argv[1]), dtype="auto")
print(sum(weight.numel() for weight in model.parameters()))
"""


class Stage(NamedTuple):
    """What one process took. `anonymous_bytes`: the peak of what is not a mapped file, seen every 20 ms.

    `resident_bytes`: the peak with mapped files, which the kernel can drop. `events` of a job, else nothing.
    """

    name: str
    wall_seconds: float
    resident_bytes: int
    anonymous_bytes: int
    events: list[dict[str, Any]]


def run_stages(folder: Path, *, full_vocabulary: bool = False) -> Iterator[Stage]:
    """Make, load, learn (each trainer one step), merge, sweep and evaluate. With the full vocabulary a second random
    checkpoint takes the place of the learnt ones."""
    study = Study(folder, full_vocabulary)
    yield study.make("start", seed=0)
    yield study.python("load", LOAD, str(folder / "start"))
    if full_vocabulary:
        yield study.make("low", seed=1)
        yield study.make("high", seed=2)
    else:
        yield study.train("low", "compact", 0.2, seed=0)
        yield study.train("high", "trl", 0.6, seed=1)
    weighted = study.weighted(MERGED_ALPHA)
    yield study.job("merge", {"reference": "merged", "folder": str(folder / "merged"), "ingredients": weighted})
    points = [
        {"evaluation": f"s{place}", "checkpoint": f"s{place}", "alpha": alpha, "ingredients": study.weighted(alpha)}
        for place, alpha in enumerate(ALPHAS)
    ]
    yield study.evaluate("sweep", points)
    alone = [{"reference": "merged", "folder": str(folder / "merged"), "weight": 1}]
    yield study.evaluate("evaluate", [{"evaluation": "m", "checkpoint": "merged", "ingredients": alone}])


class Study:
    """Checkpoints called start, low, high and merged below `folder`, and a set of three problems."""

    def __init__(self, folder: Path, full_vocabulary: bool) -> None:
        self.folder = folder
        self.shape = {
            key: value for key, value in KNOWN["qwen2.5-7b"].items() if key not in ("model_type", "vocab_size")
        }
        self.shape |= {"num_hidden_layers": LAYERS, "max_position_embeddings": 1024, "tie_word_embeddings": False}
        if full_vocabulary:
            self.shape["vocab_size"] = FULL_VOCABULARY
        blobs = BlobStore(folder / "blobs")
        problems = [sum_problem(blobs, f"sum-{place}", statement) for place, statement in enumerate(STATEMENTS)]
        write_problem_set(folder / "sums.jsonl", problems)
        self.problems = {"reference": "sums", "path": str(folder / "sums.jsonl"), "blobs": str(folder / "blobs")}

    def weighted(self, alpha: float) -> list[dict[str, Any]]:
        pairs = (("low", 1 - alpha), ("high", alpha))
        return [{"reference": name, "folder": str(self.folder / name), "weight": weight} for name, weight in pairs]

    def make(self, name: str, seed: int) -> Stage:
        return self.python(f"make {name}", MAKE, str(self.folder / name), repr(self.shape), str(seed))

    def train(self, name: str, trainer: str, coverage: float, seed: int) -> Stage:
        config = {
            "reference": name,
            "initialisation": str(self.folder / "start"),
            "initialisation_reference": "start",
            "folder": str(self.folder / name),
            "problems": self.problems,
            "coverage": coverage,
            "seed": seed,
            "steps": 1,
            "prompts_per_step": 2,
            "group": 12,
            "learning_rate": 1e-5,
            "warmup_steps": 0,
            "max_tokens": 4,
            "micro_batch": 4,
            "trainer": trainer,
            "dtype": "float32",
            "gradient_checkpointing": trainer == "trl",
        }
        return self.job("train", config, f"one GRPO step, {trainer}")

    def evaluate(self, name: str, points: list[dict[str, Any]]) -> Stage:
        config = {
            "points": points,
            "problems": self.problems,
            "sampling": {"samples": 2, "temperature": 0, "max_tokens": 6},
            "initialisation": str(self.folder / "start"),
        }
        return self.job("evaluate", config, name)

    def job(self, kind: str, config: dict[str, Any], name: str = "") -> Stage:
        """`python -m compute KIND config.json`. Raises RuntimeError where it does not finish."""
        path = self.folder / f"{kind}.json"
        path.write_text(json.dumps(config))
        stage = measured(name or kind, [sys.executable, "-m", "compute", kind, str(path)], parsed)
        if stage.events[-1]["type"] != "finished":
            raise RuntimeError(f"{stage.name}: {stage.events[-1]}")
        return stage

    def python(self, name: str, program: str, *arguments: str) -> Stage:
        return measured(name, [sys.executable, "-c", program, *arguments], lambda output: [])


def tokenizer_of_programs() -> Any:
    """Qwen 2's, for it is what transformers makes of any tokenizer of such a model: byte-level, here without merges."""
    from transformers import AddedToken, Qwen2Tokenizer

    letters = ["Ċ", *sorted(set("".join(STATEMENTS)))]  # a line feed as byte-level encoders write it
    tokenizer = Qwen2Tokenizer(
        vocab={letter: place for place, letter in enumerate(letters)},
        merges=[],
        unk_token="<pad>",
        pad_token="<pad>",
        eos_token="<end>",
    )
    words = ["```python\n", *(f"{program}```" for program in (*RIGHT, WRONG, SLOW))]
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def parsed(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def measured(name: str, command: Sequence[str], read: Callable[[str], list[dict[str, Any]]]) -> Stage:
    """Run a process and watch its memory, not that of its children. Raises RuntimeError where it fails."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peaks = {"VmHWM": 0, "RssAnon": 0}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            for key, value in memory_of(process.pid).items():
                peaks[key] = max(peaks[key], value)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        output, errors = process.communicate()
    finally:
        done.set()
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"{name} ended with {process.returncode}: {output[-500:]} {errors[-3000:]}")
    return Stage(name, time.perf_counter() - started, peaks["VmHWM"], peaks["RssAnon"], read(output))


def memory_of(process: int) -> dict[str, int]:
    """Bytes: the peak resident so far, and the anonymous now; nothing of a process that has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    found = dict(line.split(":", 1) for line in lines if line.startswith(("VmHWM", "RssAnon")))
    return {key: int(value.split()[0]) * 1024 for key, value in found.items()}
