"""What a person runs on another machine, and what they are told where it cannot work."""

from pathlib import Path

import pytest

from compute.commands.remote import main, moved
from compute.commands.slurm import main as slurm
from compute.elsewhere import Resources, launcher_for, remote_command, slurm_script

SERVER = "https://frontier.example.org"


@pytest.fixture(autouse=True)
def _no_token(monkeypatch):
    monkeypatch.delenv("FRONTIER_TOKEN", raising=False)


def complaint(capsys, *arguments, command=main):
    status = command(["train-1", *arguments])
    return status, capsys.readouterr().err.strip()


def test_a_token_does_not_travel_in_clear(capsys):
    status, said = complaint(capsys, "--server", "http://frontier.example.org")
    assert (status, said) == (2, "The token would travel in clear to frontier.example.org: use https://.")
    assert complaint(capsys, "--server", "frontier.example.org")[1].endswith("is no address: write https://...")


def test_a_missing_token_is_told_before_anything_is_asked(capsys, tmp_path):
    status, said = complaint(capsys, "--server", SERVER)
    assert (status, said) == (3, "There is no token: name its file with --token-file, or set FRONTIER_TOKEN.")
    empty = tmp_path / "token"
    empty.write_text("\n")
    assert complaint(capsys, "--server", SERVER, "--token-file", str(empty))[1].endswith("is empty.")
    assert complaint(capsys, "--server", SERVER, "--token-file", "/no/file", command=slurm)[0] == 3


def test_a_server_that_is_away_is_one_sentence(capsys, monkeypatch):
    monkeypatch.setenv("FRONTIER_TOKEN", "secret")
    status, said = complaint(capsys, "--server", "http://127.0.0.1:9")
    assert status == 1
    assert said.startswith("The server http://127.0.0.1:9 does not answer: ")
    assert "secret" not in said


def test_folders_of_the_server_are_found_where_they_are_here(tmp_path):
    change = moved([f"/data/frontier={tmp_path}", "/data=/other"])
    config = {
        "folder": "/data/frontier/checkpoints/a",
        "points": [{"folder": "/data/frontier"}],
        "name": "/datax",
        "n": 3,
    }
    assert change(config) == {
        "folder": f"{tmp_path}/checkpoints/a", "points": [{"folder": str(tmp_path)}], "name": "/datax", "n": 3,
    }  # fmt: skip
    assert moved([])(config) == config


def test_a_map_without_two_places_is_refused(capsys, monkeypatch):
    monkeypatch.setenv("FRONTIER_TOKEN", "secret")
    assert "write /folder/there=/folder/here" in complaint(capsys, "--server", SERVER, "--map", "data=/x")[1]


def test_the_slurm_script_asks_for_devices_and_holds_no_secret(capsys, monkeypatch):
    monkeypatch.setenv("FRONTIER_TOKEN", "secret")
    assert (
        slurm(["train-1", "--server", SERVER, "--devices", "8", "--hours", "2.5", "--partition", "a b", "--print"]) == 0
    )
    script = capsys.readouterr().out
    assert script.startswith("#!/bin/bash\n")
    assert {"#SBATCH --gpus-per-node=8", "#SBATCH --time=150", "#SBATCH --partition='a b'"} <= set(script.splitlines())
    assert "#SBATCH --signal=TERM@120" in script
    assert (
        "srun --unbuffered python -m compute remote train-1 --server https://frontier.example.org "
        "--token-file ~/.frontier-token --launcher 'accelerate launch --num_processes 8'"
    ) in script
    assert "secret" not in script
    assert "#SBATCH --output=%j.out" in script
    assert str(Path.cwd()) not in script


def test_only_a_training_is_spread_by_a_launcher():
    assert launcher_for("train", 1) == launcher_for("evaluate", 8) == ""
    script = slurm_script("evaluate-1", remote_command("evaluate-1", SERVER), Resources(devices=0))
    assert "launcher" not in script
    assert "gpus" not in script


def test_without_slurm_nothing_is_submitted_and_a_sentence_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("secret")
    status, said = complaint(capsys, "--server", SERVER, "--token-file", "token", command=slurm)
    assert status == 6
    assert said.startswith("Nothing was submitted: ")
