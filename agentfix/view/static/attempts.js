"use strict";
// The attempts of a run as a tree: each in a row below the one that it goes on from.
(() => {
  const HEIGHT = 30;
  const WIDEST = 420; // pixels that the depth of the tree may take

  View.attempts = (run, choose, open) => {
    const rows = run.attempts;
    const place = new Map(rows.map((attempt, index) => [attempt.id, index]));
    const deepest = Math.max(1, ...rows.map((attempt) => attempt.depth));
    const indent = Math.min(26, WIDEST / deepest);
    const x = (attempt) => 18 + indent * attempt.depth;
    const last = new Map();
    rows.forEach((attempt, index) => {
      if (attempt.parent !== null) last.set(place.get(attempt.parent), index);
    });
    const spans = [...last].sort((one, other) => one[0] - other[0]);

    const paint = (first, end) => {
      const drawing = View.svg("svg", {
        class: "branches",
        "aria-hidden": "true",
        width: WIDEST + 60,
        height: (end - first) * HEIGHT,
      });
      drawing.style.setProperty("transform", `translateY(${first * HEIGHT}px)`);
      const y = (index) => (index - first) * HEIGHT + HEIGHT / 2;
      let lines = "";
      for (const [above, below] of spans) {
        if (above >= end) break;
        if (below >= first) lines += `M${x(rows[above])} ${y(Math.max(above, first - 1))}V${y(Math.min(below, end))}`;
      }
      for (let index = first; index < end; index += 1) {
        const { parent } = rows[index];
        if (parent !== null) lines += `M${x(rows[place.get(parent)])} ${y(index)}H${x(rows[index])}`;
      }
      drawing.append(View.svg("path", { class: "edge", d: lines }));
      for (let index = first; index < end; index += 1)
        drawing.append(View.circle(rows[index], x(rows[index]), y(index)));
      return drawing;
    };

    const told = (attempt) => [
      attempt.judged,
      attempt.worth === null ? "" : `worth ${attempt.worth.toFixed(2)}`,
      attempt.visits > 1 ? `${View.number(attempt.visits)} visits of value ${attempt.value.toFixed(2)}` : "",
    ];

    const row = (attempt) => {
      const label = View.h(
        "div",
        { class: `attempt-row${attempt.best ? " best" : ""}`, "aria-level": attempt.depth + 1, title: attempt.reason },
        View.h(
          "span",
          { class: "answer" },
          `${attempt.id} ${attempt.role}: ${attempt.label}${attempt.best ? " ★" : ""}`,
        ),
        View.h("span", { class: "dim" }, told(attempt).filter(Boolean).join(", ")),
      );
      label.style.setProperty("padding-left", `${x(attempt) + 18}px`);
      return label;
    };

    const list = new View.List({
      label: "Attempts",
      role: "tree",
      height: HEIGHT,
      row,
      choose,
      open,
      paint,
      left: (index) => (rows[index]?.parent === null ? index : place.get(rows[index].parent)),
      right: (index) => (rows[index + 1]?.parent === rows[index].id ? index + 1 : index),
      empty: "No attempt was made.",
    });
    list.set(rows);
    list.show = (id) => place.has(id) && list.select(place.get(id), false);
    return list;
  };

  View.legend = (run) => {
    const kinds = [...new Set(run.attempts.map((attempt) => attempt.class ?? "none"))];
    return View.h(
      "p",
      { class: "legend" },
      Object.keys(View.colours)
        .filter((kind) => kinds.includes(kind))
        .map((kind) => View.chip(kind === "none" ? "no evidence" : kind, kind)),
      View.h("span", { class: "dim" }, "full: supported, empty: refuted; large: worth much; ★ returned"),
    );
  };
})();
