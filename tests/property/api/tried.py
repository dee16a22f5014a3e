"""What became of a call that may refuse: never another exception than those that doors know."""

from collections.abc import Callable
from typing import TypeVar

from phalanx.access.errors import AccessError
from phalanx.api.problems import Problem, as_problem

Result = TypeVar("Result")


def tried(call: Callable[..., Result], *args: object) -> tuple[Result | None, str]:
    """What it gave, or the code of its refusal, of which a document can be made."""
    try:
        return call(*args), ""
    except (Problem, AccessError) as error:
        problem = as_problem(error)
        problem.document("a request")
        return None, problem.code
