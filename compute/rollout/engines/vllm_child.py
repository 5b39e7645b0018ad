"""One vLLM in a process of its own: a JSON object a line in on standard input, one out on standard output.

Runs under vLLM's interpreter (`python -m compute.rollout.engines.vllm_child`) with the repository on PYTHONPATH; the
parent is `compute.rollout.engines.vllm_engine`. Tokens go in and come out: texts are the parent's affair. It dies with
its parent.

The first line opens a model: {"folder", "dtype", "tensor_parallel", "memory_share", "context_tokens", "eager"}. Then
{"set": [[folder, weight], ...]}, {"load": folder} and {"draw": [[tokens, seed], ...], "temperature", "max_tokens",
"stop"} may follow, each answered by {"result": ...} or {"error": one sentence}.
"""

import json
import os
import sys
from typing import Any

from compute.child_process import die_with_parent, reserve_stdout

CPU_CACHE_GIB = "1"  # for keys and values, where there is no GPU and nobody said otherwise


def main() -> None:
    """Answer until standard input ends."""
    die_with_parent()
    answers = reserve_stdout()
    model = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if model is None:
                model = Model(message)
                result: object = model.version
            else:
                result = model.answer(message)
            reply = {"result": result}
        except Exception as error:  # the parent must hear of it, whatever vLLM raises
            reply = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:600]}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


class Model:
    """The model that was opened. One process where it is not split over devices, so that nothing is left behind."""

    def __init__(self, options: dict[str, Any]) -> None:
        alone = options["tensor_parallel"] == 1
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", CPU_CACHE_GIB)
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0" if alone else "1")
        import torch
        import vllm

        self.version = str(vllm.__version__)
        self._params = vllm.SamplingParams
        self._vllm = vllm.LLM(
            options["folder"],
            skip_tokenizer_init=True,
            dtype=options["dtype"],
            tensor_parallel_size=options["tensor_parallel"],
            distributed_executor_backend="uni" if alone else "mp",
            gpu_memory_utilization=options["memory_share"],
            max_model_len=options["context_tokens"],
            enforce_eager=options["eager"] or not torch.cuda.is_available(),
            logprobs_mode="processed_logprobs",  # of the distribution that is drawn from
            worker_extension_cls="compute.rollout.engines.vllm_weights.SetsAverage",
            disable_log_stats=True,
        )

    def answer(self, message: dict[str, Any]) -> object:
        if "draw" in message:
            return self.draw(message)
        if "set" in message:
            self._vllm.collective_rpc("set_average", args=(json.dumps(message["set"]),))
        else:
            self._vllm.collective_rpc("load_checkpoint", args=(message["load"],))
        if not self._vllm.reset_prefix_cache():
            raise RuntimeError("the cache of prefixes could not be emptied after the weights changed")
        return None

    def draw(self, message: dict[str, Any]) -> list[tuple[list[int], list[float], bool]]:
        """(tokens, log-probabilities, whether a stop token ended it), one a request."""
        params = [
            self._params(
                temperature=message["temperature"],
                max_tokens=message["max_tokens"],
                seed=seed,
                stop_token_ids=message["stop"],
                logprobs=0,
                detokenize=False,
            )
            for _, seed in message["draw"]
        ]
        outputs = self._vllm.generate(
            [{"prompt_token_ids": tokens} for tokens, _ in message["draw"]], params, use_tqdm=False
        )
        return [drawn_of(output.outputs[0]) for output in outputs]


def drawn_of(output: Any) -> tuple[list[int], list[float], bool]:
    tokens = list(output.token_ids)
    drawn = [place[token].logprob for token, place in zip(tokens, output.logprobs, strict=True)]
    return tokens, drawn, output.finish_reason == "stop"


if __name__ == "__main__":
    main()
