"""What is composed with a kind: a transform of the values, a filter of the values, a step after the answer.

Each part is a sentence of the statement and an expression of the program. Parameters in braces are filled from
`compute.miniature.composition.Parameters`.
"""

from typing import NamedTuple


class Part(NamedTuple):
    """`label` is the part's word in a title. All three are empty for the part that changes nothing."""

    label: str = ""
    sentence: str = ""
    expression: str = ""


PLAIN = "plain"

TRANSFORMS = {
    PLAIN: Part(),
    "square": Part("squares", "Replace every x by x * x.", "x*x"),
    "modulo": Part("values modulo {t}", "Replace every x by x modulo {t}.", "x%{t}"),
    "distance": Part("distances to {t}", "Replace every x by its distance to {t}.", "abs(x-{t})"),
    "divide": Part("values divided by {t}", "Replace every x by x divided by {t}, rounded down.", "x//{t}"),
}

# `{keep}` becomes "Keep only" where the others leave the array and "Count only" where they keep their places.
FILTERS = {
    PLAIN: Part(),
    "even": Part("even only", "{keep} even values.", "x%2==0"),
    "odd": Part("odd only", "{keep} odd values.", "x%2==1"),
    "multiple": Part("multiples of {f}", "{keep} multiples of {f}.", "x%{f}==0"),
    "indivisible": Part("not divisible by {f}", "{keep} values not divisible by {f}.", "x%{f}!=0"),
    "above": Part("above {f}", "{keep} values above {f}.", "x>{f}"),
}

POSTS = {
    PLAIN: Part(),
    "remainder": Part("answer modulo 97", "Print each answer modulo 97.", "%97"),
}
