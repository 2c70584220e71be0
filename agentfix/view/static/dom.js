"use strict";
// Elements made by hand. Text only ever becomes text: nothing here reads markup.
const View = {};

View.h = (tag, options = {}, ...children) => View.fill(document.createElement(tag), options, children);

View.svg = (tag, options = {}, ...children) =>
  View.fill(document.createElementNS("http://www.w3.org/2000/svg", tag), options, children);

View.fill = (element, { on = {}, ...attributes }, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  for (const [kind, heard] of Object.entries(on)) element.addEventListener(kind, heard);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
};

View.link = (parts, ...children) => View.h("a", { href: View.address(...parts) }, ...children);

View.address = (...parts) => `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`;

View.count = (number, noun) => `${View.number(number)} ${noun}${number === 1 ? "" : "s"}`;

View.number = (value) => value.toLocaleString("en", { maximumFractionDigits: 0 });

View.seconds = (value) =>
  value === null || value === undefined
    ? ""
    : value < 1
      ? `${View.number(1000 * value)} ms`
      : value < 10
        ? `${value.toFixed(2)} s`
        : value < 600
          ? `${value.toFixed(1)} s`
          : `${View.number(value / 60)} min`;

View.money = (value) => (value === null || value === undefined ? "unknown" : value ? value.toPrecision(3) : "0");

View.classOf = (kind) => `class-${kind ?? "none"}`;

View.chip = (text, kind) => View.h("span", { class: `chip ${View.classOf(kind)}` }, text);

View.radius = (value) => 4 + 6 * Math.max(0, Math.min(1, value));

// The circle of an attempt: as large as its line is worth, full where supported, struck out where refuted.
View.circle = (attempt, x, y) => {
  const shape = View.svg(
    "g",
    { class: `node ${View.classOf(attempt.class)} state-${attempt.state}` },
    View.svg("circle", { cx: x, cy: y, r: View.radius(attempt.value) }),
  );
  if (attempt.state === "refuted") shape.append(View.svg("path", { d: `M${x - 3} ${y - 3}l6 6m0-6l-6 6` }));
  return shape;
};

View.facts = (pairs) =>
  View.h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value !== "" && value !== null && value !== undefined)
      .map(([name, value]) => View.h("div", {}, View.h("dt", {}, name), View.h("dd", {}, value))),
  );

View.said = (text, kind = "") => View.h("pre", { class: `said ${kind}`, tabindex: "0" }, text);

View.diff = (lines) =>
  lines.length
    ? View.h(
        "pre",
        { class: "said diff", tabindex: "0" },
        lines.map(([sign, line]) =>
          View.h(
            "span",
            { class: { "+": "added", "-": "removed", "@": "place" }[sign] ?? "kept" },
            sign === "@" ? line : `${sign} ${line}`,
            "\n",
          ),
        ),
      )
    : View.h("p", { class: "dim" }, "Nothing is changed.");

View.section = (title, ...children) => View.h("section", {}, View.h("h3", {}, title), ...children);

const TOKENS = new RegExp(
  [
    "(?<comment>#[^\\n]*)",
    "(?<string>(?:\"\"\"|''')[\\s\\S]*?(?:\"\"\"|'''|$)|\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?)",
    "(?<number>\\b\\d[\\w.]*)",
    "(?<word>\\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|" +
      "finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield|None|True|" +
      "False)\\b)",
  ].join("|"),
  "g",
);
const COLOURED = 20000; // characters; a longer program is shown without colours

View.program = (text) => {
  const shown = View.h("pre", { class: "said program", tabindex: "0" });
  let end = 0;
  for (const found of text.length <= COLOURED ? text.matchAll(TOKENS) : []) {
    const [kind] = Object.entries(found.groups).find(([, value]) => value !== undefined);
    shown.append(text.slice(end, found.index), View.h("span", { class: `py-${kind}` }, found[0]));
    end = found.index + found[0].length;
  }
  shown.append(text.slice(end));
  return shown;
};
