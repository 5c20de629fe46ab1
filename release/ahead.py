"""Questions to other machines that are asked before it is known what comes of the answers."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from functools import partial

Answer = TypeVar("Answer")
AT_ONCE = 16  # questions


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """Answers on their way, for whoever wants them."""

    begun: list[tuple[partial[Any], Future[Any]]] = field(default_factory=list)

    def ask(self, questions: Iterable[partial[Any]]) -> None:
        """Begin to ask all of these at once, and forget the answers that there were."""
        self.begun.clear()
        pool = ThreadPoolExecutor(max_workers=AT_ONCE)
        self.begun.extend((question, pool.submit(question)) for question in questions)
        pool.shutdown(wait=False)

    def answer(self, ask: Callable[..., Answer], *args: object) -> Answer:
        """Return the answer to a question, which may be on its way; else ask."""
        for question, asked in self.begun:
            if (question.func, question.args) == (ask, args):
                answer: Answer = asked.result()
                return answer
        return ask(*args)
