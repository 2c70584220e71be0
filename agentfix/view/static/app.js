"use strict";
// Which part is shown: the address behind the # says it.
(() => {
  const { h } = View;
  const main = h("main", { id: "main" });
  View.colours = {};
  const bar = h(
    "nav",
    { class: "bar", "aria-label": "Pages" },
    h("a", { class: "home", href: "#/" }, "agentfix"),
    h("a", { class: "runs-link", href: "#/" }, "Runs"),
    h("span", { class: "keys" }, "/ filter · ↑↓ move · ←→ up and down the tree · Enter open · Esc back"),
  );
  document.body.append(bar, main);

  for (const kind of ["contract", "person", "measurement", "retrieval", "agreement", "opinion", "none"]) {
    const probe = h("span", { class: `class-${kind}`, hidden: true });
    document.body.append(probe);
    View.colours[kind] = getComputedStyle(probe).getPropertyValue("--class").trim();
    probe.remove();
  }

  let leave = null;
  let turn = 0;
  View.route = async () => {
    const mine = ++turn;
    if (typeof leave === "function") leave();
    leave = null;
    const pages = { run: View.run, compared: View.compared, evaluation: View.evaluation };
    try {
      const [page = "", ...rest] = (location.hash || View.start)
        .replace(/^#\/?/, "")
        .split("/")
        .map(decodeURIComponent);
      main.className = Object.hasOwn(pages, page) ? `page-${page}` : "page-runs";
      const ended = await (Object.hasOwn(pages, page) ? pages[page](main, ...rest) : View.runs(main));
      if (mine === turn) leave = ended;
      else if (typeof ended === "function") ended();
    } catch (error) {
      main.replaceChildren(h("p", { class: "bad", role: "alert" }, error.message));
    }
    document.documentElement.dataset.drawn = String(turn);
  };

  addEventListener("hashchange", View.route);
  addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input, select");
    const filter = document.getElementById("filter");
    if (event.key === "/" && !typing && filter) {
      event.preventDefault();
      filter.focus();
      filter.select();
    } else if (event.key === "Escape") {
      if (typing && filter?.value) {
        filter.value = "";
        filter.dispatchEvent(new Event("input"));
      } else if (typing || event.target.closest?.(".side")) main.querySelector(".list")?.focus();
      else if (location.hash && location.hash !== "#/") location.hash = "#/";
    }
  });
  View.route();
})();
