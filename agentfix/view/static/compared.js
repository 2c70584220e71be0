"use strict";
// Two runs side by side.
(() => {
  const { h } = View;

  const half = (run, attempt) => {
    run.byId = new Map(run.attempts.map((each) => [each.id, each]));
    const link = (number) => View.link(["run", run.id, "attempt", number], `attempt ${number}`);
    const time = View.timeline(
      run,
      () => ({}),
      (found) => {
        if (found.attempt) location.hash = View.address("run", run.id, "attempt", found.attempt.id);
        if (found.step) location.hash = View.address("run", run.id, "step", found.step.n);
      },
    );
    return h(
      "div",
      { class: "half" },
      h("h2", {}, View.link(["run", run.id], run.id)),
      h("p", {}, h("b", {}, run.question.slice(0, 200))),
      h("p", {}, View.chip(run.state, run.class), " ", run.trust ?? run.failure),
      time.element,
      attempt === null
        ? null
        : attempt.program === null
          ? View.said(attempt.answer ?? "(no answer)", "whole")
          : View.program(attempt.program),
      View.section("Why", View.why(run, link)),
    );
  };

  View.compared = async (place, one, other) => {
    const [first, second, both] = await Promise.all([
      View.ask("run", { run: one }),
      View.ask("run", { run: other }),
      View.ask("compared", { run: one, other }),
    ]);
    const facts = (run) => [
      ["kind", run.kind],
      ["strategy", run.strategy],
      ["model", run.model],
      ["state", run.state],
      ...View.usageFacts(run),
    ];
    const rows = facts(first).map(([name, value], index) => [name, value, facts(second)[index][1]]);
    place.replaceChildren(
      h("h1", {}, "Two runs side by side"),
      h(
        "table",
        { class: "facts-table" },
        h(
          "thead",
          {},
          h("tr", {}, h("td", {}), h("th", { scope: "col" }, first.id), h("th", { scope: "col" }, second.id)),
        ),
        h(
          "tbody",
          {},
          rows.map(([name, left, right]) =>
            h(
              "tr",
              { class: left === right ? "" : "differs" },
              h("th", { scope: "row" }, name),
              h("td", {}, left),
              h("td", {}, right),
            ),
          ),
        ),
      ),
      h("div", { class: "halves" }, half(first, both.best[0]), half(second, both.best[1])),
      View.section("From the first's best attempt to the second's", View.diff(both.diff)),
    );
    document.title = "Two runs - agentfix";
  };
})();
