"use strict";
// A list of any length: only the rows that are seen exist. Arrows, Home, End, Page up and down move, Enter opens.
View.List = class {
  // label and role for those who hear the page; row(item, index) makes a row's element; choose and open are told of an
  // item; paint(first, last) may draw below the rows; left and right give the index to go to.
  constructor({
    label,
    role = "listbox",
    height,
    row,
    choose = () => {},
    open = () => {},
    paint = null,
    left = null,
    right = null,
    empty = "Nothing here.",
  }) {
    Object.assign(this, { height, row, choose, open, paint, left, right, items: [], chosen: -1, drawn: "" });
    this.name = `list-${View.List.made++}`;
    this.layer = View.h("div", { class: "layer" });
    this.sizer = View.h("div", { class: "sizer", role: "presentation" }, this.layer);
    this.empty = View.h("p", { class: "dim empty", hidden: true }, empty);
    this.element = View.h(
      "div",
      {
        class: "list",
        tabindex: "0",
        role,
        "aria-label": label,
        on: {
          scroll: () => this.later(),
          keydown: (event) => this.key(event),
          focus: () => this.chosen < 0 && this.select(0),
        },
      },
      this.sizer,
      this.empty,
    );
    this.itemRole = role === "tree" ? "treeitem" : "option";
    new ResizeObserver(() => this.later()).observe(this.element);
  }

  set(items, chosen = -1) {
    this.items = items;
    this.chosen = -1;
    this.drawn = "";
    this.sizer.style.setProperty("height", `${items.length * this.height}px`);
    this.empty.hidden = items.length > 0;
    if (chosen >= 0) this.select(chosen, false);
    this.draw();
  }

  // tell: of what was chosen; centre: show it with what is around it.
  select(index, tell = true, centre = !tell) {
    if (!this.items.length) return;
    this.chosen = Math.max(0, Math.min(this.items.length - 1, index));
    const top = this.chosen * this.height;
    const { scrollTop, clientHeight } = this.element;
    const seen = top >= scrollTop && top + this.height <= scrollTop + clientHeight;
    if (!seen && centre) this.element.scrollTop = top - clientHeight / 2;
    else if (top < scrollTop) this.element.scrollTop = top;
    else if (!seen) this.element.scrollTop = top + this.height - clientHeight;
    this.again();
    if (tell) this.choose(this.items[this.chosen], this.chosen);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves) this.select(Math.max(0, Math.min(this.items.length - 1, this.chosen + moves[event.key])));
    else if (event.key === "ArrowLeft" && this.left) this.select(this.left(this.chosen));
    else if (event.key === "ArrowRight" && this.right) this.select(this.right(this.chosen));
    else if (event.key === "Enter" && this.chosen >= 0) this.open(this.items[this.chosen], this.chosen);
    else return;
    event.preventDefault();
  }

  again() {
    this.drawn = "";
    this.draw();
  }

  later() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - 4);
    const last = Math.min(this.items.length, Math.ceil((scrollTop + clientHeight) / this.height) + 4);
    const drawn = `${first} ${last} ${this.chosen}`;
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const rows = [];
    for (let index = first; index < last; index += 1) rows.push(this.placed(index));
    this.layer.replaceChildren(...(this.paint ? [this.paint(first, last)] : []), ...rows);
    if (this.chosen >= first && this.chosen < last) {
      this.element.setAttribute("aria-activedescendant", `${this.name}-${this.chosen}`);
    } else this.element.removeAttribute("aria-activedescendant");
  }

  placed(index) {
    const row = this.row(this.items[index], index);
    View.fill(
      row,
      {
        id: `${this.name}-${index}`,
        role: this.itemRole,
        "aria-selected": String(index === this.chosen),
        "aria-setsize": this.items.length,
        "aria-posinset": index + 1,
        on: {
          click: () => {
            this.select(index);
          },
          dblclick: () => this.open(this.items[index], index),
        },
      },
      [],
    );
    row.classList.add("row");
    row.style.setProperty("height", `${this.height}px`);
    row.style.setProperty("transform", `translateY(${index * this.height}px)`);
    return row;
  }
};
View.List.made = 0;
