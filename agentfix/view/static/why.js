"use strict";
// Why the best answer changed: each change with the evidence that brought it about.
(() => {
  const { h } = View;

  View.evidence = (item) =>
    h(
      "li",
      { class: `evidence ${item.polarity}` },
      View.chip(
        `${item.polarity} by ${item.class}${item.coverage === "whole" ? "" : ` (${item.coverage})`}`,
        item.class,
      ),
      h("span", {}, ` ${item.summary} `),
      h("span", { class: "dim" }, item.author),
      item.detail ? View.said(item.detail, "detail") : null,
    );

  View.why = (run, link) =>
    h(
      "ol",
      { class: "why" },
      run.changes.map((change) =>
        h(
          "li",
          {},
          h(
            "p",
            {},
            change.before === null
              ? "First "
              : change.before === change.after
                ? "Later it was still "
                : [link(change.before), " gave way to "],
            link(change.after),
            h(
              "span",
              { class: "dim" },
              ` when there ${change.attempts === 1 ? "was" : "were"} ${View.count(change.attempts, "attempt")}`,
            ),
          ),
          h("p", { class: "reason" }, change.reason),
          h(
            "ul",
            { class: "causes" },
            change.causes.map((cause) => {
              const shown = View.evidence(cause);
              shown.prepend(h("span", { class: "dim" }, `${cause.critic} on `, link(cause.attempt), ": "));
              return shown;
            }),
          ),
        ),
      ),
      run.changes.length ? null : h("li", { class: "dim" }, "There was no answer yet."),
    );
})();
