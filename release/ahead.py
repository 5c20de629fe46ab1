"""Questions to other machines that are asked before it is known what comes of the answers."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Answer = TypeVar("Answer")
AT_ONCE = 16  # questions


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """Answers on their way, for whoever wants them."""

    begun: list[tuple[partial[Any], Future[Any]]] = field(default_factory=list)

    def ask(self, questions: Iterable[partial[Any]]) -> None:
        """Begin to ask all of these at once, and forget the answers that there were."""
        self.begun.clear()
        self.also(*questions)

    def also(self, *questions: partial[Any]) -> None:
        """Begin to ask these, where they aren't asked yet."""
        begun = [(question.func, question.args) for question, _ in self.begun]
        pool = ThreadPoolExecutor(max_workers=AT_ONCE)
        self.begun.extend(
            (question, pool.submit(question))
            for question in questions
            if (question.func, question.args) not in begun
        )
        pool.shutdown(wait=False)

    def answer(self, ask: Callable[..., Answer], *args: object) -> Answer:
        """Return the answer to a question, which may be on its way; else ask."""
        wanted = partial(ask, *args)  # which is flat, also where `ask` is partial itself
        for question, asked in self.begun:
            if (question.func, question.args) == (wanted.func, wanted.args):
                answer: Answer = asked.result()
                return answer
        return wanted()
