"use strict";
// A run in time: a lane for who asked, a bar for each call, above them the attempts, and the best one so far.
(() => {
  const LANE = 18;
  const TOP = 34;
  const LEFT = 120;
  const RIGHT = 14;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const lanesOf = (run) => {
    const names = [...new Set(run.steps.map((step) => step.who))];
    return names.length > 8 ? [...names.slice(0, 7), "others"] : names;
  };

  const ticks = (seconds) => {
    if (seconds > 600) return ticks(seconds / 60).map((minute) => minute * 60);
    const longest = seconds;
    const power = 10 ** Math.floor(Math.log10(longest / 6 || 1));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => longest / each <= 7) ?? power * 10;
    return Array.from({ length: Math.floor(longest / step) + 1 }, (_, number) => number * step);
  };

  // chosen tells which attempt and step are looked at; choose is told of a step or an attempt that was pointed at.
  View.timeline = (run, chosen, choose) => {
    const lanes = lanesOf(run);
    const longest = Math.max(0.001, ...run.steps.map((step) => step.at + step.seconds));
    const written = run.attempts.filter((attempt) => attempt.at !== null).sort((a, b) => b.value - a.value);
    const height = TOP + LANE * lanes.length + 22;
    const canvas = View.h("canvas", {
      class: "time",
      role: "img",
      "aria-label":
        `Time line of ${View.seconds(longest)}: ` +
        `${View.count(run.steps.length, "call")}, ${View.count(run.attempts.length, "attempt")}. The list of steps tells the same.`,
    });
    canvas.style.setProperty("height", `${height}px`);
    let width = 0;
    const x = (second) => LEFT + (second / longest) * (width - LEFT - RIGHT);
    const y = (who) => TOP + LANE * Math.max(0, lanes.includes(who) ? lanes.indexOf(who) : lanes.length - 1);

    const draw = () => {
      width = canvas.clientWidth;
      if (!width) return;
      const sharp = window.devicePixelRatio || 1;
      canvas.width = width * sharp;
      canvas.height = height * sharp;
      const pen = canvas.getContext("2d");
      pen.scale(sharp, sharp);
      const style = getComputedStyle(canvas);
      const colour = (name) => style.getPropertyValue(`--${name}`);
      pen.font = "12px system-ui, sans-serif";
      pen.textBaseline = "middle";
      for (const tick of ticks(longest)) {
        pen.fillStyle = colour("line");
        pen.fillRect(Math.round(x(tick)), TOP - 4, 1, LANE * lanes.length + 6);
        pen.fillStyle = colour("dim");
        pen.textAlign = x(tick) > width - 40 ? "right" : "center";
        pen.fillText(tick === 0 ? "0" : View.seconds(tick).replace(/\.?0+ s/, " s"), x(tick), height - 9);
      }
      pen.textAlign = "left";
      pen.fillStyle = colour("dim");
      pen.fillText("attempts", 4, 15);
      for (const lane of lanes) pen.fillText(lane.length > 16 ? `${lane.slice(0, 15)}…` : lane, 4, y(lane) + LANE / 2);
      for (const step of run.steps) {
        pen.fillStyle = colour(step.sort === "tool" ? "tool" : "model");
        pen.fillRect(x(step.at), y(step.who) + 3, Math.max(1, x(step.at + step.seconds) - x(step.at) - 0.5), LANE - 6);
      }
      for (const attempt of written) dot(pen, attempt, colour);
      for (const change of run.changes) star(pen, change, colour);
      mark(pen, colour);
    };

    const dot = (pen, attempt, colour) => {
      pen.beginPath();
      pen.arc(x(attempt.at), 15, View.radius(attempt.value) * 0.8, 0, 7);
      pen.strokeStyle = pen.fillStyle = View.colours[attempt.class ?? "none"];
      pen.globalAlpha = { supported: 1, contested: 0.45, unsupported: 0.12, refuted: 0 }[attempt.state];
      pen.fill();
      pen.globalAlpha = 1;
      pen.lineWidth = 1.5;
      pen.stroke();
    };

    const star = (pen, change, colour) => {
      const attempt = run.byId.get(change.after);
      if (!attempt || attempt.at === null) return;
      pen.fillStyle = colour("text");
      pen.textAlign = "center";
      pen.fillText("★", x(attempt.at), TOP - 5);
      pen.textAlign = "left";
    };

    const mark = (pen, colour) => {
      const { attempt, step } = chosen();
      const at = step ? step.at : attempt ? attempt.at : null;
      if (at === null || at === undefined) return;
      pen.fillStyle = colour("focus");
      pen.fillRect(x(at) - 1, 2, 2, height - 22);
    };

    const under = (event) => {
      const box = canvas.getBoundingClientRect();
      const [left, top] = [event.clientX - box.left, event.clientY - box.top];
      const near = (of) => (best, each) => (of(each) < of(best) ? each : best);
      if (top < TOP - 4) {
        const far = (attempt) => Math.abs(x(attempt.at) - left);
        const found = written.length ? written.reduce(near(far)) : null;
        return found && far(found) < 12 ? { attempt: found } : {};
      }
      const lane = lanes[Math.floor((top - TOP) / LANE)];
      const inLane = run.steps.filter((step) => y(step.who) === y(lane));
      const far = (step) => Math.max(x(step.at) - left, left - x(step.at + step.seconds), 0);
      const found = lane && inLane.length ? inLane.reduce(near(far)) : null;
      return found && far(found) < 6 ? { step: found } : {};
    };

    View.fill(
      canvas,
      {
        on: {
          click: (event) => choose(under(event)),
          mousemove: (event) => {
            const { attempt, step } = under(event);
            canvas.title = attempt
              ? `${attempt.id} ${attempt.role}: ${attempt.label}, ${attempt.judged}`
              : step
                ? `step ${step.n}: ${step.who} asks ${step.name}, ${View.seconds(step.seconds)}`
                : "";
            canvas.classList.toggle("pointing", Boolean(attempt || step));
          },
        },
      },
      [],
    );
    new ResizeObserver(draw).observe(canvas);
    dark.addEventListener("change", draw);
    return { element: canvas, draw, end: () => dark.removeEventListener("change", draw) };
  };
})();
