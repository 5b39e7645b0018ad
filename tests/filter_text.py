"""A filter's syntax tree as text: what the tests of the language print, to have it read again."""

from frontier_app.filters.language import (
    And,
    Comparison,
    Expression,
    Membership,
    Not,
    Or,
    Search,
    Word,
    needs_quotes,
    quoted,
)


def written(expression: Expression) -> str:
    """The text of a syntax tree, which `parse` reads back as an equal one."""
    if isinstance(expression, Search):
        return _word(expression.word)
    if isinstance(expression, Comparison):
        return f"{expression.name.text} {expression.operator} {_word(expression.value)}"
    if isinstance(expression, Membership):
        values = ", ".join(_word(one) for one in expression.values)
        return f"{expression.name.text} {'not ' if expression.negated else ''}in ({values})"
    if isinstance(expression, Not):
        return f"not {_enclosed(expression.operand, And, Or)}"
    if isinstance(expression, And):
        return " and ".join(_enclosed(one, Or) for one in expression.operands)
    return " or ".join(written(one) for one in expression.operands)


def _enclosed(expression: Expression, *kinds: type) -> str:
    return f"({written(expression)})" if isinstance(expression, kinds) else written(expression)


def _word(word: Word) -> str:
    """The word as it has to be written: between quotation marks where it was or where it must be."""
    return quoted(word.text) if word.quoted or needs_quotes(word.text) else word.text
