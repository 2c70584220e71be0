"use strict";
// One run: what came of it, in time, as a tree, step by step, and why.
(() => {
  const { h } = View;
  const TABS = [["attempts", "Attempts"], ["steps", "Steps"], ["why", "Why"]];
  const AGAIN_MS = 1500;
  let kept = {}; // what was looked at, when a run that is under way is drawn anew

  View.usageFacts = (run) => {
    const usage = run.usage ?? run.steps.reduce((sum, step) => ({
      prompt_tokens: sum.prompt_tokens + step.prompt, cached_prompt_tokens: sum.cached_prompt_tokens + step.cached,
      completion_tokens: sum.completion_tokens + step.written, model_calls: sum.model_calls + (step.sort === "model"),
      tool_calls: sum.tool_calls + (step.sort === "tool"), cost: step.cost === null || sum.cost === null ? null : sum.cost + step.cost,
    }), { prompt_tokens: 0, cached_prompt_tokens: 0, completion_tokens: 0, model_calls: 0, tool_calls: 0, cost: 0 });
    return [["attempts", View.number(run.attempts.length)], ["tokens read", View.number(usage.prompt_tokens)],
      ["of them cached", View.number(usage.cached_prompt_tokens)], ["tokens written", View.number(usage.completion_tokens)],
      ["model calls", View.number(usage.model_calls)], ["tool calls", View.number(usage.tool_calls)],
      ["cost", View.money(usage.cost)], ["time", View.seconds(run.seconds)]];
  };

  View.heading = (run) => h("header", { class: "heading" },
    h("h1", {}, run.question.length > 300 ? `${run.question.slice(0, 300)}...` : run.question),
    h("p", {}, View.chip(run.state, run.class), " ", h("span", {}, run.trust ?? run.failure)),
    run.whole_answer === null ? null : run.whole_answer.includes("\n") ? View.program(run.whole_answer) : View.said(run.whole_answer, "whole"),
    View.facts([["kind", run.kind], ["strategy", run.strategy], ["model", run.model], ...View.usageFacts(run), ["stopped", run.stopped],
      ["run", run.id]]),
    run.in_doubt.length ? h("p", { class: "bad" }, `Nobody knows whether this happened: ${run.in_doubt.join(", ")}`) : null);

  View.run = async (place, id, part = "attempts", number = null) => {
    const run = await View.ask("run", { run: id });
    run.byId = new Map(run.attempts.map((attempt) => [attempt.id, attempt]));
    const state = { tab: part === "attempt" ? "attempts" : part === "step" ? "steps" : part, attempt: null, step: null };
    const detail = h("div", { class: "side", role: "region", "aria-label": "Details" });
    const panel = h("div", { class: "panel", role: "tabpanel", "aria-labelledby": "tab-attempts" });
    const link = (attempt) => h("a", { href: View.address("run", id, "attempt", attempt), on: { click: (event) => {
      event.preventDefault(); lookAt({ attempt: run.byId.get(attempt) }, true); } } }, `attempt ${attempt}`);
    const stepLink = (step) => h("a", { href: View.address("run", id, "step", step), on: { click: (event) => {
      event.preventDefault(); lookAt({ step: run.steps[step - 1] }, true); } } }, `step ${step}`);
    const time = View.timeline(run, () => state, (found) => (found.attempt || found.step) && lookAt(found, true));
    const lists = {
      attempts: View.attempts(run, (attempt) => lookAt({ attempt }), () => detail.querySelector("pre")?.focus()),
      steps: View.steps(run, (step) => lookAt({ step }), () => detail.querySelector("pre")?.focus()),
    };
    let asked = 0;

    async function lookAt({ attempt = null, step = null }, turn = false) {
      Object.assign(state, { attempt, step });
      const [name, key] = attempt ? ["attempt", attempt.id] : ["step", step.n];
      history.replaceState(null, "", View.address("run", id, name, key));
      time.draw();
      if (turn) {
        show(`${name}s`);
        lists[`${name}s`].show(key);
      }
      const mine = ++asked;
      try {
        const whole = await View.ask(name, { run: id, number: key });
        if (mine !== asked) return;
        detail.replaceChildren(attempt ? View.attempt(attempt, whole, link, stepLink) : View.step(whole, link));
        detail.scrollTop = 0;
      } catch (error) {
        detail.replaceChildren(h("p", { class: "bad" }, error.message));
      }
    }

    const tabs = TABS.map(([name, label]) => h("button", { role: "tab", id: `tab-${name}`, "aria-controls": "panel", on: {
      click: () => show(name), keydown: (event) => {
        const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!move) return;
        const next = (TABS.findIndex(([each]) => each === name) + move + TABS.length) % TABS.length;
        show(TABS[next][0]);
        tabs[next].focus();
      } } }, name === "attempts" ? `${label} (${View.number(run.attempts.length)})`
      : name === "steps" ? `${label} (${View.number(run.steps.length)})` : `${label} (${View.count(run.changes.length, "change")})`));

    function show(name) {
      state.tab = name;
      TABS.forEach(([each], index) => View.fill(tabs[index], { "aria-selected": String(each === name), tabindex: each === name ? "0" : "-1" }, []));
      panel.setAttribute("aria-labelledby", `tab-${name}`);
      panel.replaceChildren(...(name === "why" ? [View.why(run, link)] : name === "attempts"
        ? [View.legend(run), lists.attempts.element] : [lists.steps.element]));
      if (lists[name]) { lists[name].drawn = ""; lists[name].draw(); }
    }

    panel.id = "panel";
    place.replaceChildren(View.heading(run), time.element,
      h("div", { class: "split" }, h("div", { class: "main" }, h("div", { role: "tablist", "aria-label": "Parts of the run" }, tabs), panel), detail));
    const before = kept.run === id ? kept : null;
    kept = {};
    show(before ? before.tab : state.tab);
    const wanted = number === null ? { attempt: run.byId.get(run.best ?? 0) } : part === "step" ? { step: run.steps[number - 1] }
      : { attempt: run.byId.get(Number(number)) };
    if (wanted.attempt || wanted.step) await lookAt(wanted, part !== "why" && !before);
    if (before) {
      for (const list of Object.values(lists)) list.element.scrollTop = before.scrolled;
      detail.scrollTop = before.read;
    }
    if (!before || before.listed) lists[state.tab]?.element.focus({ preventScroll: true });
    document.title = `${run.question.slice(0, 60)} - agentfix`;

    let timer = 0;
    const again = async () => {
      const now = await View.ask("run", { run: id }).catch(() => run);
      const size = (each) => `${each.attempts.length} ${each.steps.length} ${each.state} ${each.changes.length}`;
      if (timer && size(now) !== size(run)) {
        kept = { run: id, tab: state.tab, scrolled: lists[state.tab]?.element.scrollTop ?? 0, read: detail.scrollTop,
          listed: panel.contains(document.activeElement) };
        View.route();
      } else if (timer) timer = setTimeout(again, AGAIN_MS);
    };
    if (run.under_way && !View.alone) timer = setTimeout(again, AGAIN_MS);
    return () => { time.end(); clearTimeout(timer); timer = 0; };
  };
})();
