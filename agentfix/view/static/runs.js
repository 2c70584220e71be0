"use strict";
// The list of runs, with filters.
(() => {
  const { h } = View;
  const kept = { text: "", kind: "", strategy: "", state: "", marked: [] };
  const when = (begun) => new Date(begun * 1000).toLocaleString("sv").slice(0, 16);

  const row = (run, marks) =>
    h(
      "div",
      { class: "run-row" },
      h(
        "span",
        {
          class: "mark",
          "aria-hidden": "true",
          title: "Mark to compare (m)",
          on: {
            click: (event) => {
              event.stopPropagation();
              marks(run.id);
            },
          },
        },
        kept.marked.includes(run.id) ? "◆" : "◇",
      ),
      h("span", { class: "when" }, when(run.begun)),
      View.chip(run.state, run.class),
      h(
        "span",
        { class: "asked" },
        h("b", {}, run.question),
        run.answer === null ? "" : h("span", {}, ` → ${run.answer}`),
      ),
      h("span", { class: "made" }, `${run.kind} · ${run.strategy}`),
      h(
        "span",
        { class: "spent" },
        [
          run.attempts === null ? View.count(run.calls, "call") : View.count(run.attempts, "attempt"),
          run.usage ? `${View.number(run.usage.completion_tokens)} tokens` : "",
          View.seconds(run.seconds),
        ]
          .filter(Boolean)
          .join(" · "),
      ),
    );

  const words = (run) =>
    [run.id, run.question, run.answer ?? "", run.model, run.kind, run.strategy, run.state].join(" ").toLowerCase();

  const choice = (name, label, runs, changed) => {
    const values = [...new Set(runs.map((run) => run[name]))].filter(Boolean).sort();
    if (!values.includes(kept[name])) kept[name] = "";
    const select = h(
      "select",
      {
        "aria-label": label,
        on: {
          change: () => {
            kept[name] = select.value;
            changed();
          },
        },
      },
      h("option", { value: "" }, label),
      values.map((value) => h("option", { value, selected: value === kept[name] }, value)),
    );
    return select;
  };

  View.runs = async (place) => {
    const runs = await View.ask("runs");
    const open = (run) => {
      location.hash = View.address("run", run.id);
    };
    const told = h("p", { class: "dim told", role: "status" });
    const compare = h("span", { class: "compare" });
    const list = new View.List({
      label: "Runs",
      height: 34,
      row: (run) => row(run, mark),
      open,
      empty: runs.length ? "No run is like that." : "There are no runs yet. Make one: agentfix run QUESTION",
    });
    list.element.classList.add("runs");
    list.element.addEventListener("keydown", (event) => {
      if (event.key === "m" && list.chosen >= 0) mark(list.items[list.chosen].id);
    });
    list.element.addEventListener("click", (event) => {
      if (event.detail === 1 && event.target.closest(".asked")) open(list.items[list.chosen]);
    });

    function mark(id) {
      kept.marked = kept.marked.includes(id) ? kept.marked.filter((one) => one !== id) : [...kept.marked, id].slice(-2);
      showMarks();
    }

    function showMarks() {
      compare.replaceChildren(
        kept.marked.length === 2
          ? View.link(["compared", ...kept.marked], "Compare the two marked runs")
          : "Mark two runs with m to compare them",
      );
      list.again();
    }

    function sift() {
      const wanted = kept.text.toLowerCase().split(/\s+/).filter(Boolean);
      const fitting = runs.filter(
        (run) =>
          ["kind", "strategy", "state"].every((name) => !kept[name] || run[name] === kept[name]) &&
          wanted.every((word) => words(run).includes(word)),
      );
      list.set(fitting, fitting.length ? 0 : -1);
      told.textContent =
        fitting.length === runs.length
          ? View.count(runs.length, "run")
          : `${View.number(fitting.length)} of ${View.count(runs.length, "run")}`;
    }

    const text = h("input", {
      type: "search",
      id: "filter",
      placeholder: "Filter: words of the question or answer  ( / )",
      "aria-label": "Filter runs",
      value: kept.text,
      on: {
        input: () => {
          kept.text = text.value;
          sift();
        },
        keydown: (event) => {
          if (event.key === "ArrowDown" || event.key === "Enter") {
            event.preventDefault();
            list.element.focus();
          }
        },
      },
    });
    place.replaceChildren(
      h(
        "div",
        { class: "filters", role: "search" },
        text,
        choice("kind", "any kind", runs, sift),
        choice("strategy", "any strategy", runs, sift),
        choice("state", "any state", runs, sift),
        told,
        compare,
      ),
      list.element,
    );
    kept.marked = kept.marked.filter((id) => runs.some((run) => run.id === id));
    showMarks();
    sift();
    list.element.focus();
    document.title = "Runs - agentfix";
  };
})();
