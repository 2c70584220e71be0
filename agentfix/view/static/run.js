"use strict";
// One run: what came of it, in time, as a tree, step by step, and why.
(() => {
  const { h } = View;
  const TABS = ["attempts", "steps", "why"];
  const AGAIN_MS = 1500;
  let kept = null; // what was looked at, when a run that is under way is drawn anew

  class RunPage {
    constructor(run) {
      this.run = run;
      run.byId = new Map(run.attempts.map((attempt) => [attempt.id, attempt]));
      Object.assign(this, { tab: "attempts", attempt: null, step: null, asked: 0, timer: 0 });
      this.detail = h("div", { class: "side", role: "region", "aria-label": "Details" });
      this.panel = h("div", { class: "panel", role: "tabpanel", id: "panel" });
      this.time = View.timeline(
        run,
        () => this,
        (found) => this.lookAt(found, true),
      );
      const read = () => this.detail.querySelector("pre")?.focus();
      this.lists = {
        attempts: View.attempts(run, (attempt) => this.lookAt({ attempt }), read),
        steps: View.steps(run, (step) => this.lookAt({ step }), read),
      };
      const words = {
        attempts: (attempt) => `${attempt.id} ${attempt.role} ${attempt.label} ${attempt.judged} ${attempt.reason}`,
        steps: (step) => `${step.n} ${step.sort} ${step.who} ${step.name} ${step.status} ${step.line} ${step.place}`,
      };
      this.finders = {
        attempts: View.finder(this.lists.attempts, words.attempts, "Find attempts"),
        steps: View.finder(this.lists.steps, words.steps, "Find steps"),
      };
      this.tabs = TABS.map((name, place) => this.tabOf(name, place));
      const tabs = h("div", { role: "tablist", "aria-label": "Parts of the run" }, this.tabs);
      this.tools = h("div", { class: "tools" });
      const main = h("div", { class: "main" }, h("div", { class: "head" }, tabs, this.tools), this.panel);
      this.parts = [View.heading(run), this.time.element, h("div", { class: "split" }, main, this.detail)];
    }

    tabOf(name, place) {
      const { attempts, steps, changes } = this.run;
      const label = {
        attempts: `Attempts (${View.number(attempts.length)})`,
        steps: `Steps (${View.number(steps.length)})`,
        why: `Why (${View.count(changes.length, "change")})`,
      }[name];
      const turn = (event) => {
        const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!move) return;
        const next = (place + move + TABS.length) % TABS.length;
        this.show(TABS[next]);
        this.tabs[next].focus();
      };
      const on = { click: () => this.show(name), keydown: turn };
      return h("button", { role: "tab", id: `tab-${name}`, "aria-controls": "panel", on }, label);
    }

    // Links within the page: they turn to what they name without drawing all of it anew.
    link(sort, key) {
      const turn = (event) => {
        event.preventDefault();
        this.lookAt(this.named(sort, key), true);
      };
      return h("a", { href: View.address("run", this.run.id, sort, key), on: { click: turn } }, `${sort} ${key}`);
    }

    named(sort, key) {
      return sort === "step" ? { step: this.run.steps[key - 1] } : { attempt: this.run.byId.get(Number(key)) };
    }

    show(name) {
      this.tab = name;
      this.tabs.forEach((tab, place) => {
        const chosen = TABS[place] === name;
        View.fill(tab, { "aria-selected": String(chosen), tabindex: chosen ? "0" : "-1" }, []);
      });
      this.panel.setAttribute("aria-labelledby", `tab-${name}`);
      const list = this.lists[name];
      if (!list) this.panel.replaceChildren(View.why(this.run, (attempt) => this.link("attempt", attempt)));
      else if (name === "attempts") this.panel.replaceChildren(View.legend(this.run), list.element);
      else this.panel.replaceChildren(list.element);
      this.tools.replaceChildren(...(list ? [this.finders[name]] : []));
      list?.again();
    }

    async lookAt({ attempt = null, step = null }, turn = false) {
      if (!attempt && !step) return;
      Object.assign(this, { attempt, step });
      const [sort, key] = attempt ? ["attempt", attempt.id] : ["step", step.n];
      history.replaceState(null, "", View.address("run", this.run.id, sort, key));
      this.time.draw();
      if (turn) {
        this.show(`${sort}s`);
        this.lists[this.tab].show(key);
      }
      this.asked += 1;
      const mine = this.asked;
      const shown = await this.whole(sort, key).catch((error) => h("p", { class: "bad" }, error.message));
      if (mine !== this.asked) return; // another was asked for meanwhile
      this.detail.replaceChildren(shown);
      this.detail.scrollTop = 0;
    }

    async whole(sort, key) {
      const found = await View.ask(sort, { run: this.run.id, number: key });
      const link = (attempt) => this.link("attempt", attempt);
      if (sort === "step") return View.step(found, link);
      return View.attempt(this.attempt, found, link, (step) => this.link("step", step));
    }

    // Draw a run that is under way anew when more of it is there, with the eyes where they were.
    async follow() {
      const now = await View.ask("run", { run: this.run.id }).catch(() => this.run);
      if (!this.timer) return;
      const size = (run) => `${run.attempts.length} ${run.steps.length} ${run.state} ${run.changes.length}`;
      if (size(now) === size(this.run)) {
        this.timer = setTimeout(() => this.follow(), AGAIN_MS);
        return;
      }
      const list = this.lists[this.tab]?.element;
      kept = {
        run: this.run.id,
        tab: this.tab,
        scrolled: list?.scrollTop ?? 0,
        read: this.detail.scrollTop,
        listed: list !== undefined && list === document.activeElement,
      };
      View.route();
    }

    takeUp(before) {
      for (const list of Object.values(this.lists)) list.element.scrollTop = before.scrolled;
      this.detail.scrollTop = before.read;
    }

    end() {
      this.time.end();
      clearTimeout(this.timer);
      this.timer = 0;
    }
  }

  View.run = async (place, id, part = "attempt", key = null) => {
    const run = await View.ask("run", { run: id });
    const before = kept?.run === id ? kept : null;
    kept = null;
    const page = new RunPage(run);
    place.replaceChildren(...page.parts);
    page.show(before?.tab ?? (part === "why" ? "why" : part === "step" ? "steps" : "attempts"));
    await page.lookAt(page.named(part, key ?? run.best ?? 0), part !== "why" && !before);
    if (before) page.takeUp(before);
    if (!before || before.listed) page.lists[page.tab]?.element.focus({ preventScroll: true });
    document.title = `${run.question.slice(0, 60)} - agentfix`;
    if (run.under_way && !View.alone) page.timer = setTimeout(() => page.follow(), AGAIN_MS);
    return () => page.end();
  };
})();
