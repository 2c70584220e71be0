"use strict";
// The calls of a run in order, with what each took.
View.steps = (run, choose, open) => {
  const row = (step) =>
    View.h(
      "div",
      { class: "step-row", title: step.place },
      View.h("span", { class: "number" }, step.n),
      View.h("span", { class: `sort ${step.sort}` }, step.sort),
      View.h("span", { class: "who" }, step.attempt === null ? step.who : `${step.who} ${step.attempt}`),
      View.h("span", { class: "name" }, `${step.name}: `, View.h("span", { class: "dim" }, step.line)),
      View.h(
        "span",
        { class: "tokens", title: "read (of them cached), written" },
        step.sort === "tool"
          ? step.status
          : `${View.number(step.prompt)}${step.cached ? ` (${View.number(step.cached)})` : ""} → ${View.number(step.written)}`,
      ),
      View.h("span", { class: "money" }, step.cost ? View.money(step.cost) : ""),
      View.h("span", { class: "seconds" }, step.taken ? "known" : View.seconds(step.seconds)),
    );
  const list = new View.List({ label: "Steps", height: 28, row, choose, open, empty: "No call was made." });
  list.set(run.steps);
  list.show = (number) => list.select(number - 1, false);
  return list;
};
