"""A world of events in a calendar."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from agentfix import Claim, FunctionTool, Observation, ToolCall, ToolError, tool
from tests.bench.worlds import Job, seen

_PEOPLE = ("mara.lind", "jonas.berg", "ada.stone", "marek.hall")


@dataclass(frozen=True)
class Event:
    title: str
    day: str
    start: str
    minutes: int = 60
    invited: tuple[str, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        hours, minutes = self.start.split(":")
        begin = int(hours) * 60 + int(minutes)
        return begin, begin + self.minutes


@dataclass
class Calendar:
    """Events by id. What is added on a closed day is dropped, and nobody is told."""

    events: dict[str, Event]
    closed: set[str] = field(default_factory=set)
    made: int = 0

    def tools(self) -> list[FunctionTool]:
        return [self._list(), self._find(), self._people(), self._add(), self._move(), self._cancel(), self._invite(),
                self._open()]

    def _of(self, event_id: str) -> Event:
        if event_id not in self.events:
            raise ToolError(f"There is no event with the id {event_id!r}: look it up.")
        return self.events[event_id]

    def _fit(self, event: Event, but: str = "") -> None:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", event.day) or not re.fullmatch(r"\d{2}:\d{2}", event.start):
            raise ToolError("Days are written as 2025-03-01, times as 09:30.")
        for name, other in self.events.items():
            if name != but and other.day == event.day and max(event.span[0], other.span[0]) < min(
                    event.span[1], other.span[1]):
                raise ToolError(f"It overlaps with {other.title!r} at {other.start} ({other.minutes} minutes).")

    def _told(self, events: dict[str, Event]) -> str:
        return "\n".join(f"{name}: {e.title}, {e.day} {e.start}, {e.minutes} minutes"
                         + (f", with {', '.join(e.invited)}" if e.invited else "")
                         for name, e in events.items()) or "(no events)"

    def _list(self) -> FunctionTool:
        @tool
        def list_events(day: str) -> str:
            """List the events of a day with their ids.

            Args:
                day: Such as 2025-03-01.
            """
            return self._told({name: e for name, e in self.events.items() if e.day == day})

        return list_events

    def _find(self) -> FunctionTool:
        @tool
        def find_events(title: str) -> str:
            """Find events by a part of their title; tells their ids."""
            return self._told({name: e for name, e in self.events.items() if title.lower() in e.title.lower()})

        return find_events

    def _people(self) -> FunctionTool:
        @tool
        def list_people() -> str:
            """List the user names of all people."""
            return ", ".join(_PEOPLE)

        return list_people

    def _add(self) -> FunctionTool:
        @tool(side_effects=True)
        def add_event(title: str, day: str, start: str, minutes: int) -> Observation:
            """Add an event.

            Args:
                title: What it is.
                day: Such as 2025-03-01.
                start: Such as 09:30.
                minutes: How long it takes.
            """
            event = Event(title, day, start, minutes)
            self._fit(event)
            self.made += 1
            if day not in self.closed:
                self.events[f"n{self.made}"] = event
            return Observation("add_event", "ok", f"Added {title!r} with the id n{self.made}.", {"id": f"n{self.made}"})

        @add_event.verifier
        def stands(claim: Claim):
            day, title = claim.call.arguments["day"], claim.call.arguments["title"]
            there = any((e.day, e.title) == (day, title) for e in self.events.values())
            why = f": {day} is closed; open the day, then add it again" if day in self.closed else ""
            return seen(there, f"{title!r} stands on {day}" if there else f"{title!r} is not on {day}{why}")

        @add_event.undoer
        def drop(call: ToolCall, observation: Observation):
            self.events.pop(observation.data["id"], None)

        return add_event

    def _move(self) -> FunctionTool:
        @tool(side_effects=True)
        def move_event(event_id: str, day: str, start: str) -> Observation:
            """Move an event to another day or time.

            Args:
                event_id: Its id.
                day: The new day, such as 2025-03-01.
                start: The new time, such as 09:30.
            """
            before = self._of(event_id)
            event = replace(before, day=day, start=start)
            self._fit(event, event_id)
            self.events[event_id] = event
            return Observation("move_event", "ok", f"{event.title!r} is now on {day} at {start}.",
                               {"day": before.day, "start": before.start})

        @move_event.verifier
        def moved(claim: Claim):
            asked = claim.call.arguments
            event = self.events.get(asked["event_id"])
            there = event is not None and (event.day, event.start) == (asked["day"], asked["start"])
            return seen(there, f"event {asked['event_id']} is {self._told({asked['event_id']: event}) if event else 0}")

        @move_event.undoer
        def move_back(call: ToolCall, observation: Observation):
            name = call.arguments["event_id"]
            self.events[name] = replace(self.events[name], **observation.data)

        return move_event

    def _cancel(self) -> FunctionTool:
        held: dict[str, Event] = {}

        @tool(side_effects=True)
        def cancel_event(event_id: str) -> str:
            """Cancel an event."""
            held[event_id] = self._of(event_id)
            del self.events[event_id]
            return f"{held[event_id].title!r} was cancelled."

        @cancel_event.verifier
        def gone(claim: Claim):
            return seen(claim.call.arguments["event_id"] not in self.events, "the event is gone")

        @cancel_event.undoer
        def bring_back(call: ToolCall, observation: Observation):
            self.events[call.arguments["event_id"]] = held[call.arguments["event_id"]]

        return cancel_event

    def _invite(self) -> FunctionTool:
        @tool(side_effects=True)
        def invite(event_id: str, person: str) -> str:
            """Invite a person to an event.

            Args:
                event_id: Its id.
                person: A user name.
            """
            event = self._of(event_id)
            if person not in _PEOPLE:
                raise ToolError(f"There is nobody with the user name {person!r}: look it up.")
            self.events[event_id] = replace(event, invited=(*event.invited, person))
            return f"{person} was invited to {event.title!r}."

        @invite.verifier
        def invited(claim: Claim):
            event = self.events.get(claim.call.arguments["event_id"])
            person = claim.call.arguments["person"]
            return seen(event is not None and person in event.invited, f"{person} is invited")

        @invite.undoer
        def disinvite(call: ToolCall, observation: Observation):
            event = self.events[call.arguments["event_id"]]
            left = tuple(p for p in event.invited if p != call.arguments["person"])
            self.events[call.arguments["event_id"]] = replace(event, invited=left)

        return invite

    def _open(self) -> FunctionTool:
        @tool(side_effects=True)
        def open_day(day: str) -> str:
            """Open a closed day, so that events can be added on it."""
            self.closed.discard(day)
            return f"{day} is open."

        return open_day


def _is(world: Calendar, *wanted: Event) -> bool:
    """Whether these are all events, whoever is invited in what order, and however titles are written."""
    def plain(event: Event) -> tuple[object, ...]:
        return event.title.lower(), event.day, event.start, event.minutes, tuple(sorted(event.invited))

    return sorted(map(plain, world.events.values())) == sorted(map(plain, wanted))


_BUDGET = Event("Budget review", "2025-03-10", "10:00")
_LUNCH = Event("Lunch with Ada", "2025-03-11", "12:00")
_DESIGN = Event("Design meeting", "2025-03-12", "14:00")
_YOGA = Event("Yoga", "2025-03-13", "08:00")
_PIANO = Event("Piano", "2025-03-13", "18:00")
JOBS = (
    Job("two-events", "Add the event 'Dentist' on 2025-03-07 at 09:00 for 30 minutes, and the event 'Haircut' on the "
        "same day at 11:00 for 45 minutes.",
        lambda: Calendar({}),
        lambda w: _is(w, Event("Dentist", "2025-03-07", "09:00", 30), Event("Haircut", "2025-03-07", "11:00", 45))),
    Job("move", "Move the event 'Budget review' to 2025-03-12 at 16:30.",
        lambda: Calendar({"e4": _BUDGET, "e7": _DESIGN}),
        lambda w: _is(w, replace(_BUDGET, day="2025-03-12", start="16:30"), _DESIGN)),
    Job("clear", "Cancel all events on 2025-03-13.",
        lambda: Calendar({"e1": _YOGA, "e2": _DESIGN, "e3": _PIANO, "e5": Event("Call", "2025-03-13", "11:00", 15)}),
        lambda w: _is(w, _DESIGN)),
    Job("overlap", "Add the event 'Team lunch' on 2025-03-11 at 12:00 for 60 minutes. If there is something else at "
        "that time, add it at 13:00 instead.",
        lambda: Calendar({"e2": _LUNCH}),
        lambda w: _is(w, _LUNCH, Event("Team lunch", "2025-03-11", "13:00"))),
    Job("invite", "Invite Mara and Jonas to the event 'Design meeting'.",
        lambda: Calendar({"e4": _BUDGET, "e7": _DESIGN}),
        lambda w: _is(w, _BUDGET, replace(_DESIGN, invited=("jonas.berg", "mara.lind")))),
    Job("swap", "On 2025-03-13 there are Yoga and Piano. Let them swap their times.",
        lambda: Calendar({"e1": _YOGA, "e3": _PIANO}),
        lambda w: _is(w, replace(_YOGA, start="18:00"), replace(_PIANO, start="08:00"))),
    Job("closed", "Add the event 'Inventory' on 2025-03-14 at 09:00 for 120 minutes, and once more on 2025-03-15 at "
        "10:00 for 120 minutes.",
        lambda: Calendar({}, {"2025-03-15"}),
        lambda w: _is(w, Event("Inventory", "2025-03-14", "09:00", 120),
                      Event("Inventory", "2025-03-15", "10:00", 120))),
)
