"use strict";
// Where the data comes from: the server that brought the page, or the file that the page is.
(() => {
  const block = document.getElementById("held");
  const held = block ? JSON.parse(block.textContent) : null;
  View.start = held ? held.start : "#/";
  View.alone = held !== null;

  const found = (name, asked) => {
    if (!["run", "attempt", "step"].includes(name)) return held[name];
    if (!Object.hasOwn(held[name], asked.run)) return undefined;
    const of = held[name][asked.run];
    return name === "run" ? of : of[name === "step" ? asked.number - 1 : asked.number];
  };

  View.ask = async (name, asked = {}) => {
    if (held) {
      const answer = found(name, asked);
      if (answer === undefined) throw new Error("This file does not hold that.");
      return answer;
    }
    let reply;
    try {
      reply = await fetch(`data/${name}?${new URLSearchParams(asked)}`);
    } catch {
      throw new Error("agentfix view does not answer any more. Start it again, and open the address that it prints.");
    }
    const answer = await reply.json();
    if (!reply.ok) throw new Error(answer.error);
    return answer;
  };
})();
