"""How a request is refused: the field it is about and a sentence for the person who filled it in."""


class LaunchError(Exception):
    """What is wrong with a request. `field` names the form field; empty when it is no single one."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
