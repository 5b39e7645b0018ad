"""What a config accepts, and the one sentence with which it refuses."""

import pytest

from compute.configs import KINDS, TrainConfig, parse_config, read_config, request_sha256
from compute.errors import ConfigError

TRAIN = {
    "kind": "train",
    "reference": "low",
    "initialisation": "/base",
    "initialisation_reference": "base",
    "folder": "/low",
    "problems": {"reference": "train", "path": "/train.jsonl", "blobs": "/blobs"},
    "coverage": 0.4,
}
POINT = {"evaluation": "e", "checkpoint": "c", "ingredients": [{"reference": "c", "folder": "/c", "weight": 1}]}


def refusal(changes):
    with pytest.raises(ConfigError) as caught:
        parse_config(TRAIN | changes)
    return str(caught.value)


def test_a_config_is_parsed_to_the_model_of_its_kind():
    config = parse_config(TRAIN)
    assert isinstance(config, TrainConfig)
    assert (config.scale_rewards, config.kl_coefficient, config.trainer) == (False, 0.0, "trl")


def test_a_config_survives_the_trip_through_json():
    config = parse_config(TRAIN)
    assert parse_config(config.model_dump_json()) == config


def test_an_unknown_key_is_named():
    assert refusal({"zzz": 1}) == "Unknown key 'zzz'."


def test_an_unknown_key_close_to_a_known_one_is_corrected():
    assert refusal({"coverge": 1}) == "Unknown key 'coverge'. Did you mean 'coverage'?"
    assert refusal({"limits": {"worker": 1}}) == "Unknown key 'limits.worker'. Did you mean 'workers'?"
    with pytest.raises(ConfigError, match=r"Did you mean 'samples'\?$"):
        parse_config({"kind": "evaluate", "sampling": {"sampels": 4}, "points": [POINT], "problems": TRAIN["problems"]})
    assert refusal({"engin": 1}) == "Unknown key 'engin'."  # close to a key of evaluations, not of trainings


def test_an_unknown_key_inside_a_list_is_corrected():
    ingredient = {"reference": "a", "folder": "/a", "wieght": 1, "weight": 1}
    with pytest.raises(ConfigError, match=r"^Unknown key 'ingredients\.0\.wieght'\. Did you mean 'weight'\?$"):
        parse_config({"kind": "merge", "reference": "m", "folder": "/m", "ingredients": [ingredient]})


def test_a_request_is_the_same_whatever_changes_only_its_place_and_speed():
    request = request_sha256(parse_config(TRAIN))
    same = {"folder": "/elsewhere", "judge_cache": "/cache", "micro_batch": 2}
    assert request_sha256(parse_config(TRAIN | same)) == request
    assert request_sha256(parse_config(TRAIN | {"steps": 3})) != request
    assert request_sha256(parse_config(TRAIN | {"tests": "random"})) != request
    assert request_sha256(parse_config(TRAIN | {"tests": "first"})) == request


def test_a_merge_is_the_same_request_before_and_after_its_ingredients_hashes_are_known():
    ingredient = {"reference": "a", "folder": "/a", "weight": 1}
    merge = {"kind": "merge", "reference": "m", "folder": "/m"}
    known, unknown = ({**merge, "ingredients": [ingredient | more]} for more in ({"sha256": "1" * 64}, {}))
    assert request_sha256(parse_config(known)) == request_sha256(parse_config(unknown))


def test_a_linear_merge_is_the_request_that_it_was_before_there_were_other_methods():
    ends = [{"reference": name, "folder": f"/{name}", "weight": 0.5} for name in "ab"]
    merge = {"kind": "merge", "reference": "m", "folder": "/x", "ingredients": ends}
    before = "08665202a46cf6820ee9ecc51284094948002fd46fda66e73e2a15ebbfe0c2f5"
    assert request_sha256(parse_config(merge)) == before
    assert request_sha256(parse_config(merge | {"method": "slerp"})) != before


def test_a_base_is_the_same_request_before_and_after_its_hash_is_known():
    one = {"reference": "a", "folder": "/a", "weight": 1}
    merge = {"kind": "merge", "reference": "m", "folder": "/m", "method": "task_arithmetic", "ingredients": [one]}
    base = {"reference": "base", "folder": "/base"}
    known, unknown = (parse_config(merge | {"base": base | more}) for more in ({"sha256": "1" * 64}, {}))
    assert request_sha256(known) == request_sha256(unknown)
    assert request_sha256(known) != request_sha256(parse_config(merge | {"base": base | {"reference": "other"}}))


def test_a_missing_key_is_named():
    data = {name: value for name, value in TRAIN.items() if name != "folder"}
    with pytest.raises(ConfigError, match=r"^The key 'folder' is missing\.$"):
        parse_config(data)


def test_a_missing_key_that_is_called_like_a_kind_is_named():
    data = {name: value for name, value in TRAIN.items() if name != "problems"}
    with pytest.raises(ConfigError, match=r"^The key 'problems' is missing\.$"):
        parse_config(data)


@pytest.mark.parametrize("coverage", [0, -0.2, 1.01, "x", float("nan")])
def test_a_coverage_outside_its_range_is_refused(coverage):
    assert refusal({"coverage": coverage}).startswith("coverage: ")


def test_a_saved_step_beyond_the_last_is_refused():
    assert refusal({"steps": 10, "save_steps": [8, 11]}).endswith("save_steps must lie between 1 and steps (10).")


def test_a_reference_that_leaves_no_room_for_an_early_checkpoint_is_refused_before_training():
    assert "longer than 64" in refusal({"reference": "r" * 60, "save_steps": [5]})
    assert parse_config(TRAIN | {"reference": "r" * 60}).reference_at(25) == "r" * 60


def test_the_vllm_sampler_needs_trl():
    assert "needs the trl trainer" in refusal({"trainer": "compact", "sampler": "vllm"})


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError):
        parse_config({"kind": "dream"})


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"kind": "merge"}')
    with pytest.raises(ConfigError, match="is of kind 'merge', not 'train'"):
        read_config(path, "train")


@pytest.mark.parametrize("text", ["", "[1]", "{", "\xff"])
def test_a_file_that_is_no_json_object_is_refused_by_name(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"config\.json"):
        read_config(path, "train")


def test_every_kind_has_a_runner():
    from compute.__main__ import RUNNERS

    assert set(RUNNERS) == set(KINDS)
