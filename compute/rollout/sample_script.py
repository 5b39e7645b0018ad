"""Tries a program on the samples of a workspace: `python3 run_samples.py FILE`. Lies there; standard library only.

It says what `compute.rollout.feedback.report` says, and knows no other checker than equal words.
"""

import glob
import subprocess
import sys

SECONDS = 5
SHOWN = 400


def shortened(text: str) -> str:
    half = SHOWN // 2
    if len(text) <= SHOWN:
        return text
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Usage: python3 run_samples.py FILE")
    for number in range(1, len(glob.glob("samples/*.in")) + 1):
        with open(f"samples/{number}.in") as given, open(f"samples/{number}.out") as file:
            expected = file.read()
            try:
                ran = subprocess.run(
                    [sys.executable, sys.argv[1]], stdin=given, capture_output=True, text=True, timeout=SECONDS
                )
            except subprocess.TimeoutExpired:
                print(f"Sample {number}: time limit exceeded")
                continue
        if ran.returncode:
            print(f"Sample {number}: run-time error")
            print(*ran.stderr.strip().splitlines()[-1:], sep="\n")
        elif ran.stdout.split() != expected.split():
            print(f"Sample {number}: wrong answer\nexpected\n{shortened(expected.rstrip(chr(10)))}")
            print(f"got\n{shortened(ran.stdout.rstrip(chr(10)))}")
        else:
            print(f"Sample {number}: passed")


if __name__ == "__main__":
    main()
