"use strict";
// An evaluation: its table, its curves, its items.
(() => {
  const { h } = View;

  const table = ([heads, ...rows]) =>
    h(
      "table",
      { class: "figures" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head, index) => (index || head ? h("th", { scope: "col" }, head) : h("td", {}))),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map(([name, ...cells]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, name),
            cells.map((cell) => h("td", {}, cell)),
          ),
        ),
      ),
    );

  const row = (item) =>
    h(
      "div",
      { class: "item-row", title: item.error },
      h("span", { class: item.right ? "good" : "bad" }, `${item.first ? "✓" : "✗"} → ${item.right ? "✓" : "✗"}`),
      h("span", { class: "who" }, item.strategy),
      h("span", {}, `${item.item}${item.repeat ? ` #${item.repeat}` : ""}`),
      h("span", { class: "name" }, item.error || item.answer),
      h("span", { class: "dim" }, item.by ?? "no evidence"),
      h(
        "span",
        { class: "spent" },
        `${View.count(item.attempts, "attempt")} · ${View.number(item.tokens)} tokens · ${View.seconds(item.seconds)}`,
      ),
      h("span", { class: "dim" }, item.run ? "open" : ""),
    );

  View.evaluation = async (place) => {
    const found = await View.ask("evaluation");
    const list = new View.List({
      label: "Items",
      height: 28,
      row,
      open: (item) => {
        if (item.run) location.hash = View.address("run", item.run);
      },
    });
    list.element.classList.add("items");
    const told = h("span", { class: "dim", role: "status" });
    const sift = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const fitting = found.items.filter(
        (item) =>
          (!which.value || which.value === `${item.first} ${item.right}`) &&
          words.every((word) => `${item.item} ${item.strategy} ${item.answer} ${item.by}`.toLowerCase().includes(word)),
      );
      list.set(fitting);
      told.textContent = `${View.number(fitting.length)} of ${View.number(found.items.length)}`;
    };
    const filter = h("input", {
      type: "search",
      id: "filter",
      placeholder: "Filter items  ( / )",
      "aria-label": "Filter items",
      on: { input: sift },
    });
    const which = h(
      "select",
      { "aria-label": "What became of them", on: { change: sift } },
      [
        ["", "all"],
        ["false true", "wrong, then right"],
        ["true false", "right, then wrong"],
        ["true true", "right throughout"],
        ["false false", "wrong throughout"],
      ].map(([value, label]) => h("option", { value }, label)),
    );
    const curves = found.figure
      ? h("img", {
          class: "curves",
          alt: "Curves: accuracy by what was spent on it; risk by coverage. The table has the figures.",
          src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(found.figure)}`,
        })
      : null;
    place.replaceChildren(
      ...[
        h("h1", {}, found.file),
        View.facts(
          Object.entries(found.header).map(([name, value]) => [
            name,
            typeof value === "object" ? JSON.stringify(value) : String(value),
          ]),
        ),
        h(
          "div",
          { class: "found" },
          found.table.length
            ? h("div", { class: "wide" }, table(found.table))
            : h("p", { class: "dim" }, "Nothing was finished."),
          curves,
        ),
        found.comparisons.length ? h("div", { class: "wide" }, table(found.comparisons)) : null,
        h("div", { class: "filters", role: "search" }, filter, which, told),
        list.element,
      ].filter(Boolean),
    );
    sift();
    document.title = `${found.file} - agentfix`;
  };
})();
