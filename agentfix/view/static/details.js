"use strict";
// One attempt, or one step, whole.
(() => {
  const { h, said, section } = View;

  const critique = (one) =>
    h(
      "article",
      { class: `critique ${one.verdict}` },
      h(
        "h4",
        {},
        `${one.critic}: ${one.verdict}`,
        one.score === null ? "" : `, right with ${Math.round(100 * one.score)} %`,
        one.step === null ? "" : `, wrong at step ${one.step + 1}`,
      ),
      one.feedback ? h("p", { class: "feedback" }, one.feedback) : null,
      h("ul", { class: "causes" }, one.evidence.map(View.evidence)),
    );

  const observed = (seen) => [
    h("p", { class: seen.status === "ok" ? "dim" : "bad" }, `${seen.tool} says ${seen.status}`),
    seen.said.trim() ? said(seen.said) : null,
  ];

  const act = (step, number) =>
    section(
      `Act ${number + 1}`,
      said(step.text),
      step.problem ? h("p", { class: "bad" }, step.problem) : null,
      step.calls.map((call) => [
        h("p", {}, call.call),
        call.program === null ? null : View.program(call.program),
        observed(call),
      ]),
    );

  View.attempt = (row, attempt, link, stepLink) =>
    h(
      "div",
      { class: "detail" },
      h("h2", {}, attempt.heading, attempt.best ? " ★" : ""),
      h(
        "p",
        {},
        View.chip(attempt.standing.judged, attempt.standing.class),
        " ",
        h("span", { class: "dim" }, attempt.standing.reason),
      ),
      attempt.answer !== null && !attempt.answers_with_program
        ? section("Answer", said(attempt.answer, "whole"))
        : null,
      attempt.program === null
        ? null
        : section(attempt.answers_with_program ? "Answer: this program" : "Program", View.program(attempt.program)),
      attempt.observation ? section("What running it said", observed(attempt.observation)) : null,
      attempt.acts.map(act),
      section(
        "Critique",
        attempt.critiques.length
          ? attempt.critiques.map(critique)
          : h("p", { class: "dim" }, "Nobody said anything of it."),
      ),
      attempt.diff === null
        ? null
        : section(h("span", {}, "What it changes in ", link(attempt.parent)), View.diff(attempt.diff)),
      attempt.text === attempt.program || attempt.text === attempt.answer
        ? null
        : h("details", {}, h("summary", {}, "The completion, whole"), said(attempt.text)),
      View.facts([
        ["written by", attempt.author],
        ["role", attempt.role],
        ["temperature", attempt.temperature],
        ["ended by", attempt.finish_reason],
        ["independent", attempt.told ? "no: it saw an earlier answer" : "yes"],
        [
          "writing it took",
          [`${View.number(row.tokens)} tokens`, View.seconds(row.seconds), row.cost ? View.money(row.cost) : ""]
            .filter(Boolean)
            .join(", "),
        ],
        [
          "steps",
          attempt.steps.length
            ? h(
                "span",
                {},
                attempt.steps.flatMap((number) => [stepLink(number), " "]),
              )
            : "",
        ],
      ]),
    );

  View.step = (step, link) =>
    h(
      "div",
      { class: "detail" },
      h("h2", {}, `Step ${step.n}: ${step.sort} ${step.name}`),
      View.facts([
        ["asked by", step.who],
        ["attempt", step.attempt === null ? "" : link(step.attempt)],
        ["place", step.place],
        ["status", step.status],
        ["took", step.taken ? "taken from another run" : View.seconds(step.seconds)],
        ["tokens read", step.sort === "tool" ? "" : View.number(step.prompt)],
        ["of them cached", step.cached ? View.number(step.cached) : ""],
        ["tokens written", step.sort === "tool" ? "" : View.number(step.written)],
        ["cost", step.sort === "tool" || step.cost === 0 ? "" : View.money(step.cost)],
      ]),
      step.asked.map((message) =>
        section(message.role, message.role === "program" ? View.program(message.content) : said(message.content)),
      ),
      section(step.sort === "tool" ? "It said" : "It wrote", said(step.said)),
    );
})();
