"""Plausible slips: what a person gets wrong in the family's programs, as local edits of the text.

An off-by-one, a forgotten sort, a mistaken comparison. The supervised corpus carries some, so that the base makes
mistakes for reinforcement learning to remove. Each of them makes some right program wrong.
"""

import random
import re
from typing import NamedTuple


class Slip(NamedTuple):
    """`pattern` in a program becomes one of `replacements` (regular expressions, first match only)."""

    pattern: str
    replacements: tuple[str, ...]


SLIPS = (
    # ranges and prefix tables
    Slip(r"p\[r\]([-^])p\[l-1\]", (r"p[r]\1p[l]", r"p[r-1]\1p[l-1]")),
    Slip(r"p\[r\]-p\[l\]", ("p[r]-p[l-1]",)),
    Slip(r"p=\[0\]\n", ("p=[]\n",)),
    Slip(r"p\.append\(p\[-1\]([+^])x\)", (r"p.append(p[-1]\g<1>1)", "p.append(x)")),
    Slip(r"p\[i\+1\]\+=1", ("p[i]+=1",)),
    Slip(r"n-2\*j\+1", ("n-j", "n-2*j")),
    Slip(r"r-2\*\*k", ("r-2**k+1", "r-k")),
    Slip(r"\.bit_length\(\)-1", (".bit_length()",)),
    Slip(r"t\[k\]\[l-1\]", ("t[k][l]",)),
    # counting by dictionary or residue
    Slip(r"d=\{0:1\}", ("d={}",)),
    Slip(r"c=\[1\]\+\[0\]", ("c=[0]+[0]",)),
    Slip(r"k-x", ("x-k",)),
    Slip(r"d\.get\(x-k", ("d.get(k-x",)),
    Slip(r"t-k", ("k-t", "t+k")),
    Slip(r"-x%", ("x%",)),
    Slip(r"\n if k>0:\n  ", ("\n ",)),
    # two pointers
    Slip(r"j\+1\b", ("j",)),
    Slip(r"i-j\+1", ("i-j",)),
    Slip(r"s\+=i-j\n", ("s+=i-j+1\n",)),
    Slip(r"s//2", ("s",)),
    Slip(r"\[j\]>k", ("[j]>=k",)),
    Slip(r"t>k", ("t>=k",)),
    Slip(r"if j>=i", ("if j<i",)),
    Slip(r"j=n-1\n", ("j=n\n", "j=0\n")),
    # order and position
    Slip(r"a\.sort\(\)\n", ("",)),
    Slip(r"\nn=len\(a\)", ("",)),
    Slip(r"bisect_right", ("bisect_left",)),
    Slip(r"bisect_left", ("bisect_right",)),
    Slip(r"len\(b\)-", ("",)),
    Slip(r"\(i\+1\)\*\(n-i\)", ("i*(n-i)", "(i+1)*(n-i-1)")),
    Slip(r"i\*a\[i\]-t", ("i*a[i]", "(i+1)*a[i]-t")),
    Slip(r"s\+=i\*a", ("s+=(i+1)*a", "s+=(n-i)*a")),
    # stacks
    Slip(r"<=a\[i\]:", (">=a[i]:",)),
    Slip(r"<a\[i\]:", (">a[i]:",)),
    Slip(r"c=1\n", ("c=0\n",)),
    Slip(r"t-=x\*y", ("t-=x",)),
)


def with_slips(program: str, rate: float, rng: random.Random) -> str:
    """Each slip that fits `program` happens with probability `rate`, one after the other."""
    for slip in SLIPS:
        if rng.random() < rate and re.search(slip.pattern, program):
            program = re.sub(slip.pattern, rng.choice(slip.replacements), program, count=1)
    return program
