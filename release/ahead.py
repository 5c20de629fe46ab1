"""Questions to other machines that are asked before it is known what comes of the answers."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


def begin(ask: Callable[[], Answer]) -> Future[Answer]:
    """Ask in a thread that may be left behind: the end of the process doesn't wait for it."""
    answer: Future[Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    return answer


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """Answers on their way, for whoever wants them."""

    begun: list[tuple[partial[Any], Future[Any]]] = field(default_factory=list)

    def ask(self, *questions: partial[Any]) -> None:
        """Begin to ask all of these at once, where they aren't asked yet."""
        begun = [(question.func, question.args) for question, _ in self.begun]
        self.begun.extend(
            (question, begin(question))
            for question in questions
            if (question.func, question.args) not in begun
        )

    def forget(self) -> None:
        """Forget the answers: things have changed."""
        self.begun.clear()

    def answer(self, ask: Callable[..., Answer], *args: object) -> Answer:
        """Return the answer to a question, which may be on its way; else ask."""
        wanted = partial(ask, *args)  # which is flat, also where `ask` is partial itself
        for question, asked in self.begun:
            if (question.func, question.args) == (wanted.func, wanted.args):
                answer: Answer = asked.result()
                return answer
        return wanted()
