"use strict";
// Finds rows of a list by words: Enter goes to the next one, Shift and Enter to the one before.
View.finder = (list, wordsOf, label) => {
  const told = View.h("span", { class: "dim", role: "status" });
  let found = [];

  const go = (move) => {
    if (!found.length) return;
    const next =
      move > 0 ? found.findIndex((index) => index > list.chosen) : found.findLastIndex((index) => index < list.chosen);
    const at = next < 0 ? (move > 0 ? 0 : found.length - 1) : next;
    list.select(found[at], true, true);
    told.textContent = `${View.number(at + 1)} of ${View.number(found.length)}`;
  };

  const look = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (item) => words.every((word) => wordsOf(item).toLowerCase().includes(word));
    found = words.length ? list.items.flatMap((item, index) => (fits(item) ? [index] : [])) : [];
    told.textContent = words.length ? `${View.number(found.length)} found` : "";
  };

  const key = (event) => {
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
    else if (event.key === "ArrowDown") list.element.focus();
    else return;
    event.preventDefault();
  };

  const input = View.h("input", {
    type: "search",
    id: "filter",
    placeholder: `${label}  ( / )`,
    "aria-label": label,
    on: { input: look, keydown: key },
  });
  return View.h("div", { class: "finder", role: "search" }, told, input);
};
