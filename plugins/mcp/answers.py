"""What clients may ask, and how a result is told to them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentfix import Attempt, Event, Evidence, InputError, Result, Task, checks_in, one_line

_DETAIL_CHARACTERS = 500
_FEEDBACK_CHARACTERS = 2000


class Asked(BaseModel):
    """The arguments of `solve`."""

    model_config = ConfigDict(extra="forbid", str_max_length=200_000)

    question: str = Field(min_length=1, description="What is asked.")
    kind: str = Field("auto", description="The sort of task; found out unless told.")
    context: str = Field("", description="Material that belongs to the question, such as a document or a table.")
    tests: str = Field("", description="Your own checks in Python: assertions, or functions named test_... They run "
                                       "after a program; for other answers they read the variable `answer`. Passing "
                                       "them is the strongest evidence.")

    def task(self) -> Task:
        """What is asked, for the agent.

        Raises:
            InputError: the tests can't be used.
        """
        checks = checks_in(self.tests, "`tests`") if self.tests.strip() else ()
        return Task(self.question, self.kind, checks, self.context)


class Given(Asked):
    """The arguments of `verify`."""

    answer: str = Field(min_length=1, description="The answer to check: bare, or a text that states it; for kind code, "
                                                  "the program.")


class Told(BaseModel):
    """One piece of evidence."""

    kind: str = Field(description="Its class, strongest first: contract, person, measurement, retrieval, agreement, "
                                  "opinion.")
    polarity: str = Field(description="supports or refutes")
    summary: str
    author: str = Field(description="Who stands for it.")
    coverage: str = Field(description="What part of the answer it speaks of: whole, part or necessary.")
    detail: str


class Answered(BaseModel):
    """A result."""

    answer: str | None
    supported: bool = Field(description="Whether evidence supports the answer as well as is required. When it does "
                                        "not, do not pass the answer off as checked.")
    supported_by: str | None = Field(description="The class of the evidence that supports it.")
    reason: str
    evidence: list[Told] = Field(description="For and against the answer.")
    feedback: str = Field(description="What to change, as the critics see it.")
    kind: str
    attempts: int
    stop_reason: str
    run_id: str = Field(description="Under which everything that happened is kept.")


def read(arguments: dict[str, Any], form: type[Asked]) -> Asked:
    """A client's arguments.

    Raises:
        InputError: they are wrong.
    """
    try:
        return form.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"The argument {where!r} is wrong: {first['msg']}.") from error


def answered(result: Result) -> Answered:
    """A result as clients read it."""
    critiques = [critique for critique in result.critiques if critique.attempt == result.best]
    evidence = [piece for critique in critiques for piece in critique.evidence]
    feedback = "\n\n".join(critique.feedback for critique in critiques if critique.feedback)
    return Answered(
        answer=result.answer, supported=not result.abstained,
        supported_by=None if result.supported_by is None else result.supported_by.label, reason=result.reason,
        evidence=[_told(piece) for piece in evidence], feedback=feedback[:_FEEDBACK_CHARACTERS], kind=result.kind,
        attempts=len(result.attempts),
        stop_reason=result.stop_reason, run_id=result.run_id)


def _told(evidence: Evidence) -> Told:
    return Told(kind=evidence.kind.label, polarity=evidence.polarity, summary=evidence.summary, author=evidence.author,
                coverage=evidence.coverage, detail=evidence.detail[:_DETAIL_CHARACTERS])


def in_words(answer: Answered) -> str:
    """The same for who reads no data."""
    if answer.answer is None:
        said = "No answer was found"
    elif answer.supported_by is None:
        said = "Nothing supports this answer"
    else:
        said = f"Supported by {answer.supported_by}"
        said += "" if answer.supported else " only, which is less than was required"
    lines = [answer.answer or "", "", f"{said}: {one_line(answer.reason)}"]
    lines += [f"- {piece.polarity}, {piece.kind}, {one_line(piece.author)}: {one_line(piece.summary)}"
              for piece in answer.evidence]
    lines += [] if answer.supported or not answer.feedback else ["", answer.feedback, ""]
    return "\n".join([*lines, f"Run {answer.run_id}, stopped: {one_line(answer.stop_reason)}"]).strip()


def progress(event: Event) -> str | None:
    """What a client that waits is told of an event; None for nothing."""
    match event.kind:
        case "attempt":
            attempt: Attempt = event.data["attempt"]
            said = "no answer" if attempt.answer is None else one_line(attempt.answer)[:100]
            return f"attempt {attempt.id + 1}: {said}"
        case "critique":
            critique, standing = event.data["critique"], event.data["standing"]
            return f"attempt {critique.attempt + 1} is {standing.state}: {one_line(standing.reason)[:200]}"
        case "tool_call":
            return f"runs {one_line(event.data['call'].tool)[:60]}"
        case _:
            return None
