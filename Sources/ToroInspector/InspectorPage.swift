/// The page that an inspector serves: one file, which loads nothing but `snapshot.json`, once a second.
let inspectorPage = #"""
  <!doctype html>
  <html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="icon" href="data:,">
  <title>Toro inspector</title>
  <style>
    :root {
      color-scheme: light dark;
      --paper: #f6f5f2; --card: #fffefb; --ink: #1d1f23; --soft: #6a6d75; --rule: #dedbd3;
      --accent: #1f6feb; --faint: #1f6feb26; --mean: #8a6d1f; --alarm: #c0271d; --alarm-paper: #fdeceA;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #131417; --card: #1b1d21; --ink: #e7e6e3; --soft: #969aa3; --rule: #2f3238;
        --accent: #6ea8ff; --faint: #6ea8ff2b; --mean: #d3b25c; --alarm: #ff7a70; --alarm-paper: #3a1a18;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0 auto; padding: 1.25rem clamp(.9rem, 3vw, 2.5rem) 4rem; max-width: 84rem;
      background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
      font-variant-numeric: tabular-nums;
    }
    header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; margin-bottom: 1.25rem; }
    h1 { font-size: 1.45rem; margin: 0; letter-spacing: -.01em; }
    h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; }
    h3 { font-size: .8rem; font-weight: 600; margin: 0 0 .35rem; color: var(--soft); }
    header .grow { flex: 1; }
    .soft, .none { color: var(--soft); }
    button {
      font: inherit; font-size: .85rem; color: inherit; background: var(--card); border: 1px solid var(--rule);
      border-radius: .4rem; padding: .15rem .7rem; cursor: pointer;
    }
    button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    .state::before { content: ""; display: inline-block; width: .6em; height: .6em; border-radius: 50%; margin-right: .45em;
      background: var(--accent); }
    .state.bad { color: var(--alarm); }
    .state.bad::before { background: var(--alarm); }
    .card { background: var(--card); border: 1px solid var(--rule); border-radius: .7rem; padding: 1rem 1.1rem; }
    .card + .card { margin-top: 1rem; }
    .card.bad { border-color: var(--alarm); }
    .name { display: flex; flex-wrap: wrap; gap: 0 .8rem; align-items: baseline; margin-bottom: .7rem; }
    .name b { font-size: 1.1rem; }
    .alarm { color: var(--alarm); font-weight: 600; }
    dl.numbers { display: grid; grid-template-columns: repeat(5, 1fr); gap: .6rem 1rem; margin: 0 0 1.1rem; }
    dl.numbers div { display: flex; flex-direction: column-reverse; }
    dl.numbers dt { font-size: .8rem; color: var(--soft); }
    dl.numbers dd { margin: 0; font-size: 1.35rem; line-height: 1.2; font-weight: 600; letter-spacing: -.01em; }
    .plots { display: grid; grid-template-columns: 2fr 1.2fr 1.3fr; gap: 1rem 1.6rem; }
    svg { display: block; width: 100%; height: auto; overflow: visible; }
    svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
    .legend { display: flex; gap: 1rem; font-size: .78rem; color: var(--soft); margin-top: .3rem; }
    .legend i { display: inline-block; width: 1.1em; height: .2em; border-radius: 1px; vertical-align: middle; margin-right: .4em; }
    .by { display: grid; grid-template-columns: max-content max-content 1fr; gap: .15rem .8rem; align-items: center; font-size: .9rem; }
    .by .count { text-align: right; font-weight: 600; }
    .wide { overflow-x: auto; border: 1px solid var(--rule); border-radius: .7rem; background: var(--card); }
    .one .reactor, .free .held { display: none; }
    table { border-collapse: collapse; width: 100%; font-size: .88rem; }
    th, td { text-align: left; padding: .35rem .8rem; vertical-align: top; }
    th { font-size: .78rem; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--rule); white-space: nowrap; }
    td + td, th + th { padding-left: .3rem; }
    tbody tr + tr td { border-top: 1px solid color-mix(in srgb, var(--rule) 55%, transparent); }
    .right { text-align: right; white-space: nowrap; }
    code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; }
    td code { white-space: nowrap; }
    tr.round { background: var(--alarm-paper); }
    .graph { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem; }
    .graph .card + .card { margin-top: 0; }
    .graph figcaption { font-size: .88rem; margin-top: .6rem; }
    figure { margin: 0; }
    svg.ring { max-width: 32rem; margin: 0 auto; }
    svg .who { fill: var(--ink); font-weight: 600; font-size: 13px; }
    svg .what { fill: var(--alarm); font-size: 12px; }
    .holders { list-style: none; padding: 0; margin: 0; font-size: .9rem; }
    .holders li + li { margin-top: .3rem; }
    @media (max-width: 56rem) { .plots { grid-template-columns: 1fr; } }
    @media (max-width: 40rem) {
      dl.numbers { grid-template-columns: repeat(2, 1fr); }
      table, tbody, tr, td { display: block; }
      thead { display: none; }
      tr { padding: .5rem .8rem; }
      td, td + td { display: inline; padding: 0; }
      td:nth-child(n + 2):not(:empty)::after, td:first-child::after { content: ""; margin-right: .55em; }
      td.what { display: block; font-weight: 600; overflow-wrap: anywhere; }
      td:empty { display: none; }
      td code { white-space: normal; overflow-wrap: anywhere; }
      td[data-label]::before { content: attr(data-label) " "; color: var(--soft); font-weight: 400; }
      tbody tr + tr td { border-top: 0; }
      tbody tr + tr { border-top: 1px solid var(--rule); }
      .right { text-align: left; }
    }
  </style>
  <header>
    <h1 id="title">Toro inspector</h1>
    <span id="about" class="soft"></span>
    <span class="grow"></span>
    <span id="state" class="state" role="status">asking</span>
    <button id="pause" type="button">Pause</button>
  </header>
  <main>
    <section id="reactors" aria-label="Reactors"></section>
    <h2>Who waits for whom</h2>
    <section id="graph"></section>
    <h2>Longest waits <span id="count" class="soft"></span></h2>
    <div class="wide"><table id="list">
      <thead><tr><th class="right">For</th><th class="right">Left</th><th>What</th><th>Task</th><th>Where</th><th class="reactor">Reactor</th><th class="held">Held by</th></tr></thead>
      <tbody id="waits"></tbody>
    </table></div>
  </main>
  <script>
  "use strict";
  const byId = id => document.getElementById(id);

  function element(name, attributes, ...children) {
    const isSVG = ["svg", "path", "line", "rect", "text", "circle", "g", "title", "marker", "defs"].includes(name);
    const made = isSVG ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) if (value !== null) made.setAttribute(key, value);
    made.append(...children.filter(child => child !== null && child !== undefined));
    return made;
  }

  function time(seconds) {
    if (seconds === null || seconds === undefined) return "";
    const size = Math.abs(seconds);
    if (size >= 3600) return Math.floor(seconds / 3600) + " h " + Math.floor(seconds / 60 % 60) + " min";
    if (size >= 60) return Math.floor(seconds / 60) + " min" + (seconds % 60 >= 1 ? " " + Math.floor(seconds % 60) + " s" : "");
    if (size >= 10) return seconds.toFixed(0) + " s";
    if (size >= 1) return seconds.toFixed(1) + " s";
    if (size >= 0.001) return (seconds * 1e3).toFixed(size >= 0.01 ? 0 : 1) + " ms";
    return (seconds * 1e6).toFixed(0) + " µs";
  }

  function number(value) {
    if (value === null || value === undefined) return "–";
    if (value >= 1e6) return (value / 1e6).toFixed(1) + " M";
    if (value >= 1e4) return (value / 1e3).toFixed(0) + " k";
    return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value));
  }

  // The least of 1, 2, 5, 10 and so on that is not below.
  function ceiling(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    for (const step of [1, 2, 5, 10]) if (step * power >= value * 0.999999) return step * power;
  }

  // How many seconds a plot shows: all that are remembered, and not so few that it is empty.
  const span = values => Math.max(30, values.length);

  function points(values, top, width, height, left = 0) {
    const step = (width - left) / (span(values) - 1);
    const start = span(values) - values.length;
    return values.map((value, index) =>
      (left + (start + index) * step).toFixed(1) + "," + (height - Math.min(value / top, 1) * height).toFixed(1));
  }

  function lagPlot(history) {
    const width = Math.max(240, Math.min(520, innerWidth - 64)), height = 120, left = 46;
    const most = history.map(point => point.lagMax), mean = history.map(point => point.lagMean);
    const top = ceiling(Math.max(1e-4, ...most));
    const plot = element("svg", { viewBox: `0 0 ${width} ${height + 22}`, role: "img", class: "lag",
      "aria-label": "Loop lag, at most " + time(Math.max(0, ...most)) });
    for (const part of [0, 0.5, 1]) {
      const y = height - part * height;
      plot.append(element("line", { x1: left, x2: width, y1: y, y2: y, stroke: "var(--rule)" }),
        element("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, part ? time(part * top) : "0"));
    }
    plot.append(element("text", { x: left, y: height + 17 }, time(span(history)) + " ago"),
      element("text", { x: width, y: height + 17, "text-anchor": "end" }, "now"));
    if (most.length) {
      const edge = points(most, top, width, height, left);
      const first = edge[0].split(",")[0];
      plot.append(element("path", { d: `M${first},${height}L${edge.join("L")}L${width},${height}Z`, fill: "var(--faint)" }),
        element("path", { d: "M" + edge.join("L"), fill: "none", stroke: "var(--accent)", "stroke-width": 1.5, class: "series" }),
        element("path", { d: "M" + points(mean, top, width, height, left).join("L"), fill: "none", stroke: "var(--mean)", "stroke-width": 1.5 }));
    }
    return plot;
  }

  function histogramPlot(lag) {
    const width = Math.max(240, Math.min(300, innerWidth - 64)), height = 120, buckets = lag.histogram;
    const plot = element("svg", { viewBox: `0 0 ${width} ${height + 22}`, role: "img", class: "histogram",
      "aria-label": "How often the lag was how long" });
    const top = Math.max(1, ...buckets.map(bucket => Math.log10(1 + bucket.count))), step = width / buckets.length;
    plot.append(element("line", { x1: 0, x2: width, y1: height, y2: height, stroke: "var(--rule)" }));
    buckets.forEach((bucket, index) => {
      const size = Math.log10(1 + bucket.count) / top * height;
      plot.append(element("rect", { x: index * step + 1, y: height - size, width: step - 2, height: size, rx: 1, fill: "var(--accent)" },
        element("title", {}, (bucket.upTo === null ? "more" : "up to " + time(bucket.upTo)) + ": " + bucket.count)));
    });
    for (const [index, label] of [[0, "10 µs"], [6, "1 ms"], [12, "100 ms"]])
      plot.append(element("text", { x: (index + 0.5) * step, y: height + 17, "text-anchor": index ? "middle" : "start" }, label));
    return plot;
  }

  function byPrimitive(reactor) {
    const kinds = new Set(Object.keys(reactor.waitsByPrimitive));
    for (const point of reactor.history) for (const kind of Object.keys(point.waitsByPrimitive)) kinds.add(kind);
    if (!kinds.size) return element("p", { class: "none" }, "Nobody waits.");
    const list = element("div", { class: "by" });
    const count = kind => reactor.waitsByPrimitive[kind] || 0;
    for (const kind of [...kinds].sort((a, b) => count(b) - count(a) || a.localeCompare(b))) {
      const values = reactor.history.map(point => point.waitsByPrimitive[kind] || 0);
      const line = element("svg", { viewBox: "0 0 160 22", preserveAspectRatio: "none", "aria-hidden": "true", height: 22 });
      if (values.length) line.append(element("path", { d: "M" + points(values, Math.max(1, ...values) * 1.1, 160, 22).join("L"),
        fill: "none", stroke: "var(--accent)", "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }));
      line.style.height = "22px";
      list.append(element("span", {}, kind), element("span", { class: "count" }, number(count(kind))), line);
    }
    return list;
  }

  function reactorCard(reactor) {
    const numbers = [["turns a second", number(reactor.turnsPerSecond)], ["jobs a second", number(reactor.jobsPerSecond)],
      ["jobs a turn", number(reactor.jobsPerTurn)], ["run queue", number(reactor.runQueue)],
      ["tasks", number(reactor.tasks)], ["timers", number(reactor.timers)], ["waits", number(reactor.waitCount)],
      ["median lag", time(reactor.lag.median)], ["99 % lag", time(reactor.lag.p99)], ["longest lag", time(reactor.lag.max)]];
    const kinds = [reactor.isVirtual ? "virtual time" : "", reactor.isAdopted ? "on a host's loop" : ""].filter(Boolean).join(", ");
    return element("article", { class: reactor.answers ? "card" : "card bad" },
      element("div", { class: "name" }, element("b", {}, reactor.name), element("span", { class: "soft" }, kinds),
        reactor.answers ? null : element("span", { class: "alarm" },
          "has not answered for " + time(reactor.silentFor) + ": stuck in something that blocks, or not run")),
      element("dl", { class: "numbers" }, ...numbers.map(([label, value]) =>
        element("div", {}, element("dt", {}, label), element("dd", {}, value)))),
      element("div", { class: "plots" },
        element("div", {}, element("h3", {}, "Loop lag"), lagPlot(reactor.history),
          element("div", { class: "legend" }, legend("--accent", "longest of each second"), legend("--mean", "mean"))),
        element("div", {}, element("h3", {}, "How often which lag (logarithmic)"), histogramPlot(reactor.lag)),
        element("div", {}, element("h3", {}, "Waits by primitive"), byPrimitive(reactor))));
  }

  function legend(colour, text) {
    const mark = element("i");
    mark.style.background = `var(${colour})`;
    return element("span", {}, mark, text);
  }

  const who = wait => wait.task === null ? "a task" : wait.task;
  const place = wait => wait.file === null ? wait.isIteration ? "for try await" : "" : wait.file + ":" + wait.line;
  const what = wait => wait.call === "firstOf" ? `firstOf(${wait.subject})` : wait.subject + "." + wait.call;

  const norm = vector => Math.hypot(...vector) || 1;

  // Tasks on a ring, clockwise; an arrow from each to the one that holds what it waits for.
  function ring(cycle, waits) {
    const width = 360, height = cycle.length === 1 ? 120 : 210, middle = [width / 2, cycle.length === 1 ? 95 : height / 2];
    const radius = cycle.length === 1 ? 0 : 72;
    const spots = cycle.map((_, index) => {
      const angle = 2 * Math.PI * index / cycle.length - Math.PI / 2;
      return [middle[0] + 1.35 * radius * Math.cos(angle), middle[1] + radius * Math.sin(angle)];
    });
    const drawing = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "ring", "aria-label": "Tasks that wait for each other" },
      element("defs", {}, element("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
        element("path", { d: "M0,0L8,4L0,8Z", fill: "var(--alarm)" }))));
    cycle.forEach((wait, index) => {
      const from = spots[index], to = spots[(index + 1) % cycle.length];
      if (cycle.length === 1) {
        drawing.append(element("path", { d: `M${from[0] + 16},${from[1] - 12}C${from[0] + 70},${from[1] - 84} ${from[0] - 70},${from[1] - 84} ${from[0] - 16},${from[1] - 12}`,
          fill: "none", stroke: "var(--alarm)", "stroke-width": 1.6, "marker-end": "url(#tip)" }),
          element("text", { x: from[0], y: from[1] - 78, "text-anchor": "middle", class: "what" }, waits[wait].subject));
        return;
      }
      const dx = to[0] - from[0], dy = to[1] - from[1], length = Math.hypot(dx, dy), bend = cycle.length === 2 ? 46 : 18;
      const side = [-dy / length * -bend, dx / length * -bend], trim = 16 / length;
      const start = [from[0] + dx * trim + side[0] * 0.3, from[1] + dy * trim + side[1] * 0.3];
      const end = [to[0] - dx * trim + side[0] * 0.3, to[1] - dy * trim + side[1] * 0.3];
      const control = [(from[0] + to[0]) / 2 + side[0], (from[1] + to[1]) / 2 + side[1]];
      drawing.append(element("path", { d: `M${start}Q${control} ${end}`, fill: "none", stroke: "var(--alarm)", "stroke-width": 1.6, "marker-end": "url(#tip)" }),
        element("text", { x: control[0] + side[0] / norm(side) * 8, y: control[1] + side[1] / norm(side) * 12 + 4, class: "what",
          "text-anchor": side[0] > 5 ? "start" : side[0] < -5 ? "end" : "middle" }, waits[wait].subject));
    });
    cycle.forEach((wait, index) => drawing.append(
      element("text", { x: spots[index][0], y: spots[index][1] + 5, "text-anchor": "middle", class: "who" }, who(waits[wait]))));
    return drawing;
  }

  function graph(snapshot) {
    const waits = snapshot.waits, parts = [];
    snapshot.cycles.forEach((cycle, index) => parts.push(element("figure", { class: "card bad cycle" },
      element("h3", { class: "alarm" }, cycle.length === 1 ? "A task waits for itself" : `A cycle of ${cycle.length}: a deadlock, unless a deadline ends it`),
      cycle.length <= 12 ? ring(cycle, waits) : null,
      element("figcaption", {}, snapshot.circles[index].replace(/^in a circle: /, "") + "."))));
    const held = new Map();
    waits.forEach(wait => {
      if (wait.holders.length && wait.cycle === null) {
        const key = JSON.stringify([wait.reactor, wait.subject, wait.holders]);
        held.set(key, (held.get(key) || []).concat(wait));
      }
    });
    if (held.size) parts.push(element("div", { class: "card" }, element("h3", {}, "Waits for locks"),
      element("ul", { class: "holders" }, ...[...held.values()].sort((a, b) => b.length - a.length).slice(0, 20).map(group =>
        element("li", {}, group.length === 1 ? `${who(group[0])} waits for ` : `${group.length} wait for `, element("b", {}, group[0].subject),
          snapshot.reactors.length > 1 ? " on " + group[0].reactor : "",
          ", held by ", element("code", {}, group[0].holders.join(", ")))))));
    if (!parts.length) parts.push(element("p", { class: "none" }, "Nobody waits for a lock whose holder is known."));
    return element("div", { class: "graph" }, ...parts);
  }

  function row(wait) {
    const cell = (label, text, kind, isCode) => element("td", { class: kind || null, "data-label": label },
      text === "" ? "" : isCode ? element("code", {}, text) : text);
    const until = wait.until === null ? null : "until " + new Date(wait.until * 1000).toLocaleTimeString();
    const left = cell(wait.left === null ? null : "left", time(wait.left), "right");
    if (until) left.title = until;
    const age = cell(null, time(wait.age), "right");
    if (wait.since !== null) age.title = "since " + new Date(wait.since * 1000).toLocaleTimeString();
    return element("tr", { class: wait.cycle === null ? null : "round" }, age, left, cell(null, what(wait), "what"),
      cell("by", wait.task || ""), cell("at", place(wait), null, true), cell("on", wait.reactor, "reactor"),
      cell("held by", wait.holders.join(", "), "held", true));
  }

  function show(snapshot) {
    byId("title").textContent = snapshot.program.name;
    document.title = snapshot.program.name + " – Toro inspector";
    byId("about").textContent = `process ${snapshot.program.process}, ${snapshot.reactors.length} reactor${snapshot.reactors.length === 1 ? "" : "s"}`;
    byId("reactors").replaceChildren(...snapshot.reactors.map(reactorCard));
    if (!snapshot.reactors.length) byId("reactors").append(element("p", { class: "card none" }, "No reactor is watched."));
    byId("graph").replaceChildren(graph(snapshot));
    byId("count").textContent = snapshot.waitCount > snapshot.waits.length ? `${snapshot.waits.length} of ${snapshot.waitCount}` : snapshot.waitCount;
    byId("list").className = (snapshot.reactors.length > 1 ? "" : "one ") + (snapshot.waits.some(wait => wait.holders.length) ? "" : "free");
    const first = snapshot.waits.slice().sort((a, b) => (a.cycle === null) - (b.cycle === null) || b.age - a.age);
    byId("waits").replaceChildren(...first.map(row));
    if (!first.length) byId("waits").append(element("tr", {}, element("td", { colspan: 7, class: "none" }, "Nobody waits.")));
  }

  let isPaused = false;
  byId("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    byId("pause").textContent = isPaused ? "Go on" : "Pause";
    state(isPaused ? "paused" : "asking", false);
  });

  function state(text, isBad) {
    byId("state").textContent = text;
    byId("state").className = isBad ? "state bad" : "state";
  }

  async function ask() {
    if (isPaused) return;
    try {
      const answer = await fetch("snapshot.json", { cache: "no-store" });
      if (!answer.ok) throw new Error("the inspector answers " + answer.status);
      const snapshot = await answer.json();
      if (isPaused) return;
      show(snapshot);
      const silent = snapshot.reactors.filter(reactor => !reactor.answers).length;
      if (snapshot.cycles.length) state(snapshot.cycles.length === 1 ? "a cycle" : snapshot.cycles.length + " cycles", true);
      else if (silent) state("does not answer", true);
      else state("live", false);
    } catch (error) {
      state(error instanceof TypeError ? "gone" : error.message, true);
    }
  }

  async function go() {
    for (;;) {
      await ask();
      await new Promise(next => setTimeout(next, 1000));
    }
  }
  go();
  </script>
  </html>

  """#
