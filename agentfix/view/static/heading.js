"use strict";
// What came of a run, and what it took.
(() => {
  const { h } = View;
  const NOTHING = {
    prompt_tokens: 0,
    cached_prompt_tokens: 0,
    completion_tokens: 0,
    model_calls: 0,
    tool_calls: 0,
    cost: 0,
  };

  const spent = (sum, step) => ({
    prompt_tokens: sum.prompt_tokens + step.prompt,
    cached_prompt_tokens: sum.cached_prompt_tokens + step.cached,
    completion_tokens: sum.completion_tokens + step.written,
    model_calls: sum.model_calls + (step.sort === "model"),
    tool_calls: sum.tool_calls + (step.sort === "tool"),
    cost: step.cost === null || sum.cost === null ? null : sum.cost + step.cost,
  });

  View.usageFacts = (run) => {
    const usage = run.usage ?? run.steps.reduce(spent, NOTHING);
    return [
      ["attempts", View.number(run.attempts.length)],
      ["tokens read", View.number(usage.prompt_tokens)],
      ["of them cached", View.number(usage.cached_prompt_tokens)],
      ["tokens written", View.number(usage.completion_tokens)],
      ["model calls", View.number(usage.model_calls)],
      ["tool calls", View.number(usage.tool_calls)],
      ["cost", View.money(usage.cost)],
      ["time", View.seconds(run.seconds)],
    ];
  };

  const answer = (text) => (text.includes("\n") ? View.program(text) : View.said(text, "whole"));

  View.heading = (run) =>
    h(
      "header",
      { class: "heading" },
      h("h1", {}, run.question.length > 300 ? `${run.question.slice(0, 300)}...` : run.question),
      h("p", {}, View.chip(run.state, run.class), " ", h("span", {}, run.trust ?? run.failure)),
      run.whole_answer === null ? null : answer(run.whole_answer),
      View.facts([
        ["kind", run.kind],
        ["strategy", run.strategy],
        ["model", run.model],
        ...View.usageFacts(run),
        ["stopped", run.stopped],
        ["run", run.id],
        ["goes on from", run.continues ? View.link(["run", run.continues], run.continues) : ""],
      ]),
      run.in_doubt.length
        ? h("p", { class: "bad" }, `Nobody knows whether this happened: ${run.in_doubt.join(", ")}`)
        : null,
    );
})();
