"""Sums without torch against `methods.linear`: every bfloat16, odd sizes, infinities, other types, integers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from merging import checkpoint, config, tensors  # noqa: E402

from compute.errors import MergeRefused  # noqa: E402
from compute.merging import methods  # noqa: E402
from compute.merging.sums import Sums  # noqa: E402

pytestmark = pytest.mark.ml
MERGE = """
import sys
from pathlib import Path
from compute.configs import read_config
from compute.merging import merge
merge.run(read_config(Path(sys.argv[1]), "merge"), lambda event: None, lambda: False)
sys.exit("torch" in sys.modules)
"""
CODES = {torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32", torch.float64: "F64"}


def bytes_of(tensor: torch.Tensor) -> np.ndarray:
    return tensor.contiguous().view(torch.uint8).numpy()


def summed(tensors: list[torch.Tensor], weights: list[float]) -> torch.Tensor:
    out = torch.empty_like(tensors[0])
    dtype = CODES.get(out.dtype, "I64")
    Sums().linear([bytes_of(one) for one in tensors], weights, dtype, out.view(torch.uint8).numpy(), "t")
    return out


def assert_same(one: torch.Tensor, other: torch.Tensor) -> None:
    """Bit for bit, but for which nan it is: torch itself gives different ones at different places."""
    assert torch.equal(one.isnan(), other.isnan())
    assert torch.equal(one.nan_to_num(7.0), other.nan_to_num(7.0))
    assert torch.equal(one.signbit() & ~one.isnan(), other.signbit() & ~other.isnan())


@pytest.mark.parametrize("weights", [[-0.25, 1.25], [0.5, 0.5], [1e-3, 0.999], [3e38, 1.0], [1.0, 1.0], [-1.01, 2.01]])
def test_every_bfloat16_against_others_is_rounded_as_torch_does(weights: list[float]) -> None:
    every = torch.arange(1 << 16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):
        other = every[torch.randperm(len(every), generator=generator)]
        assert_same(summed([every, other], weights), methods.linear([every, other], weights))


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("count", [1, 2, 3, 1000, 65537])
def test_any_number_of_any_type_gives_the_bits_of_the_whole_sum(dtype: torch.dtype, count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    three = [torch.randn(count, generator=generator).to(dtype) for _ in range(3)]
    weights = [0.3, -0.8, 1.5]
    assert torch.equal(summed(three, weights), methods.linear(three, weights))
    assert torch.equal(summed(three[:1], [1.0]), three[0])


def test_integers_are_copied_where_they_agree_and_refused_where_not() -> None:
    one = torch.tensor([1, 2, 3])
    assert torch.equal(summed([one, one.clone()], [0.5, 0.5]), one)
    with pytest.raises(MergeRefused, match="The tensor t differs"):
        summed([one, one + 1], [0.5, 0.5])


def test_a_linear_merge_does_not_load_torch(tmp_path: Path) -> None:
    for seed, name in enumerate(("low", "high")):
        checkpoint(tmp_path / name, tensors(seed))
    asked = config(tmp_path, "linear", ("low", 0.5), ("high", 0.5))
    (tmp_path / "merge.json").write_text(asked.model_dump_json())
    arguments = [sys.executable, "-c", MERGE, str(tmp_path / "merge.json")]
    subprocess.run(arguments, check=True, cwd=Path(__file__).parents[2])
    assert (tmp_path / "merged" / "manifest.json").exists()
