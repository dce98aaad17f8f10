"use strict";
(() => {
  // Columns have their first number, and then what each adds to the one before.
  const unpacked = (value) => {
    if (Array.isArray(value)) {
      let sum = 0;
      return value.map((step) => (step == null ? null : (sum += step)));
    }
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unpacked(each)]));
  };
  const tests = JSON.parse(document.getElementById("data").textContent).map((test) => test && {
    ...test, topics: unpacked(test.topics), queries: test.queries.map(unpacked),
  });
  const COLORS = 6;
  const MOST_TOPICS = 12;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const color = (place) => css(`--c${place % COLORS}`);
  const shown = (value) => (value == null ? "–" : plain.format(value));
  const seconds = (value) => (value == null ? "–" : `${Number(value.toFixed(3))} s`);

  // Text goes in as text: names are the tests', and may be anything.
  const add = (parent, tag, text, className) => {
    const made = document.createElement(tag);
    if (text != null) made.textContent = text;
    if (className) made.className = className;
    parent.append(made);
    return made;
  };

  const time = (ms, withDate) => {
    const iso = new Date(ms).toISOString();
    const clock = iso.slice(11, ms % 1000 ? 23 : 19);
    return withDate ? `${iso.slice(0, 10)} ${clock}` : clock;
  };
  const oneDay = (values) => {
    const given = values.filter((value) => value != null);
    return !given.length || time(Math.min(...given), true).slice(0, 10) === time(Math.max(...given), true).slice(0, 10);
  };

  const padded = (min, max, least) => {
    if (min == null) return [0, 1];
    const room = Math.max((max - min) * 0.08, max === min ? least : 0);
    return [min - room, max + room];
  };
  // Steps of an axis of times: round ones of a clock, in milliseconds.
  const OF_CLOCK = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5, 1728e5, 6048e5, 2592e6];
  // Steps of an axis of what is counted: there is no half a row.
  const OF_COUNTS = [...Array(15).keys()].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
  const fromZero = (_, min, max) => [0, max > 0 ? max * 1.1 : 1];

  // The waits of the test, behind the lines.
  const shade = (waits) => (u) => {
    for (const [, begun, took, failure] of waits) {
      const left = u.valToPos(begun / 1000, "x", true);
      const right = u.valToPos((begun + took) / 1000, "x", true);
      u.ctx.fillStyle = css(failure ? "--failed-wait" : "--wait");
      u.ctx.fillRect(left, u.bbox.top, Math.max(right - left, 1), u.bbox.height);
    }
  };

  // A plot is as wide as there is room, which changes with the window, with a plot that
  // comes to stand beside it, and when a frame gets its size.
  const drawn = new Map();
  const widths = new ResizeObserver((changes) => requestAnimationFrame(() => {
    for (const { target } of changes) {
      const [made, height] = drawn.get(target);
      const width = target.clientWidth;
      if (width && width !== made.width) made.setSize({ width, height });
    }
  }));

  // One plot. Lines are {label, x, y, place, dash, steps, points}.
  const plot = (parent, group, title, height, lines, options) => {
    const { range = fromZero, tell = shown, ticks = (v) => compact.format(v), waits = [] } = options;
    add(parent, "h3", title);
    const frame = add(parent, "div");
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", `${title}: ${lines.map((line) => line.label).join(", ")}`);
    const data = uPlot.join(lines.map((line) => [line.x, line.y]));
    const stroke = () => css("--dim");
    const grid = { stroke: () => css("--line"), width: 1 };
    const axis = { stroke, grid, ticks: grid, font: "12px system-ui, sans-serif" };
    const made = new uPlot({
      width: Math.max(frame.clientWidth, 200),
      height,
      scales: { x: { time: false, range: group.range }, y: { range } },
      legend: { markers: { dash: (_, n) => (n && lines[n - 1].dash ? "dashed" : "solid") } },
      cursor: { sync: { key: group.key }, drag: { x: true, y: false } },
      axes: [
        { ...axis, label: group.axis, labelSize: 18, labelFont: axis.font, size: 36, incrs: group.steps, values: (_, values) => values.map(group.tick), space: group.space },
        { ...axis, incrs: options.steps_of_y, size: options.size || 52, values: (_, values) => values.map(ticks) },
      ],
      series: [
        { label: group.label, value: (_, value) => (value == null ? "" : group.tell(value)) },
        ...lines.map((line) => ({
          label: line.label,
          stroke: () => color(line.place),
          width: line.dash ? 1.5 : 2,
          dash: line.dash ? [5, 4] : undefined,
          spanGaps: true,
          paths: line.steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
          points: { show: line.points, size: 6, fill: () => css("--back") },
          value: (_, value) => (value == null ? "" : tell(value)),
        })),
      ],
      hooks: { drawClear: [shade(waits)] },
    }, data, frame);
    group.plots.push([made]);
    drawn.set(frame, [made, height]);
    widths.observe(frame);
  };

  // Two points of one moment: uPlot wants each x once, and the later one counts.
  const line = (label, x, y, more) => {
    const last = new Map();
    x.forEach((at, place) => { if (y[place] != null) last.set(at, y[place]); });
    const order = [...last.keys()].sort((a, b) => a - b);
    return { label, x: order, y: order.map((at) => last.get(at)), points: order.length < 60, ...more };
  };

  const groups = new Set();
  const newGroup = (key, options) => {
    const group = { key, plots: [], ...options };
    groups.add(group);
    return group;
  };

  const ended = (query) => query.t.map((t, place) => t + ((query.ms || [])[place] || 0));
  const rate = (query) => query.rows.map((rows, place) => {
    const ms = (query.ms || [])[place];
    return ms ? (rows * 1000) / ms : null;
  });

  // The end of a topic is dashed, in the color of the first query that reads it.
  const offsets = (parent, group, test, queries, scale, waits) => {
    const lines = [];
    const read = queries.flatMap((query) => Object.keys(query.reached));
    const ends = group.clocked ? {} : test.topics;
    const topics = [...new Set([...read, ...Object.keys(ends)])].slice(0, MOST_TOPICS);
    let others = topics.length;
    topics.forEach((topic, place) => {
      if (ends[topic]) {
        const { t, end } = ends[topic];
        const x = scale([...t, test.took]);
        lines.push(line(`end of ${topic}`, x, [...end, end[end.length - 1]], { place, steps: true, dash: true, points: false }));
      }
      queries.filter((query) => query.reached[topic]).forEach((query, index) => {
        const x = group.clocked ? [...query.t] : ended(query);
        const y = [...query.reached[topic]];
        if (query.does === "runs" && !group.clocked) {  // and has read no more
          x.push(test.took);
          y.push(y[y.length - 1]);
        }
        lines.push(line(`${query.name} has read`, scale(x), y, { place: index ? others++ : place, steps: true }));
      });
    });
    if (lines.length) plot(parent, group, "Offsets (records), all partitions together", 256, lines, { waits, steps_of_y: OF_COUNTS });
  };

  const small = (parent, group, queries, scale, waits) => {
    const grid = add(parent, "div", null, "small");
    const draw = (title, values, options = {}) => {
      const lines = queries.map((query, place) => {
        const y = values(query);
        return y && line(query.name, scale(query.t), y, { place, steps: options.steps });
      }).filter((each) => each && each.x.length);
      if (!lines.length) return;
      plot(add(grid, "div"), group, title, 166, lines, { waits, ...options });
    };
    if (group.clocked) draw("Rows of a batch", (query) => query.rows, { steps_of_y: OF_COUNTS });
    else draw("Rows per second", rate);
    draw("Duration of a batch, ms", (query) => query.ms);
    draw("State, rows", (query) => query.state, { steps: true, steps_of_y: OF_COUNTS });
    draw("State, bytes", (query) => query.bytes, { steps: true, steps_of_y: OF_COUNTS });
    const marks = queries.flatMap((query) => query.watermark || []);
    draw("Watermark, UTC", (query) => query.watermark, {
      steps: true,
      steps_of_y: OF_CLOCK,
      range: (_, min, max) => padded(min, max, 60000),
      tell: (value) => (value == null ? "–" : time(value, true)),
      ticks: (value) => (oneDay(marks) ? time(value).slice(0, 8) : time(value, true).slice(5, 16)),
      size: oneDay(marks) ? 72 : 92,
    });
  };

  const cells = (row, tag, values, texts = []) => {
    values.forEach((value, place) => add(row, tag, value, texts.includes(place) ? "text" : ""));
  };
  const table = (parent, title, head, rows, texts, open) => {
    const box = add(parent, "details", null, "table");
    box.open = open;
    add(box, "summary", title);
    const made = add(add(box, "div", null, "scroll"), "table");
    cells(add(add(made, "thead"), "tr"), "th", head, texts);
    const body = add(made, "tbody");
    rows.forEach((row) => cells(add(body, "tr"), "td", row, texts));
    return made;
  };

  const tables = (parent, test) => {
    if (test.waits.length) {
      const rows = test.waits.map(([name, begun, took, failure, place]) => [
        name, place, seconds(begun / 1000), seconds(took / 1000), failure || "done",
      ]);
      table(parent, `Waits (${rows.length})`, ["wait", "line", "began", "took", "outcome"], rows, [1, 4], false);
    }
    test.queries.forEach((query) => {
      const stateful = query.state !== undefined;
      const head = ["batch", "began", "rows", "read up to"];
      if (query.ms) head.push("ms", "rows/s");
      if (stateful) head.push("state rows", "state bytes");
      if (query.late) head.push("late rows");
      if (query.watermark) head.push("watermark, UTC");
      const rates = rate(query);
      const rows = query.t.map((t, place) => {
        const row = [
          query.id[place],
          query.clocked ? time(t, true) : seconds(t / 1000),
          shown(query.rows[place]),
          Object.values(query.reached).map((reached) => shown(reached[place])).join(" · ") || "–",
        ];
        if (query.ms) row.push(shown(query.ms[place]), shown(rates[place]));
        if (stateful) row.push(shown(query.state[place]), shown(query.bytes[place]));
        if (query.late) row.push(shown(query.late[place]));
        if (query.watermark) row.push(query.watermark[place] == null ? "–" : time(query.watermark[place], true));
        return row;
      });
      const of = query.of ? `${rows.length} of ${query.of}` : rows.length;
      table(parent, `Batches of ${query.name} (${of})`, head, rows, [], false);
    });
  };

  const draw = (parent, test, key) => {
    const waits = test.waits;
    const running = test.queries.filter((query) => !query.clocked && query.t.length);
    test.queries.forEach((query) => {
      const told = add(parent, "p", `Query ${query.name} ${query.does === "runs" ? "was still running at the end" : query.does}`, "note");
      if (query.does.startsWith("died")) told.classList.add("bad");
    });
    if (test.left_out) add(parent, "p", `${test.left_out} more queries are not shown.`, "note");
    if (running.length || Object.keys(test.topics).length) {
      // Spark and the broker may take long to start before anything happens.
      const moments = [running.map((query) => query.t), Object.values(test.topics).map((topic) => topic.t), waits.map((wait) => wait[1])];
      const to = Math.max(test.took / 1000, 0.001);
      const first = Math.min(...moments.flat(2)) / 1000;
      const from = Math.max(0, first - (to - first) * 0.05);
      const group = newGroup(key, {
        label: "time",
        axis: "time since the test began",
        range: () => [from, to],
        tick: (value) => `${Number(value.toFixed(3))} s`,
        tell: seconds,
        space: 60,
      });
      const scale = (ms) => ms.map((value) => value / 1000);
      if (waits.length) {
        const note = add(parent, "p", "", "note");
        const mark = (name, text) => {
          add(note, "span", null, "key").style.background = `var(${name})`;
          note.append(` ${text} `);
        };
        mark("--wait", "the test waited");
        if (waits.some((wait) => wait[3])) mark("--failed-wait", "the wait failed");
      }
      offsets(parent, group, test, running, scale, waits);
      small(parent, group, running, scale, waits);
    }
    test.queries.filter((query) => query.clocked && query.t.length).forEach((query, place) => {
      add(parent, "h2", `${query.name}, by the test's clock`);
      const day = oneDay(query.t);
      const group = newGroup(`${key}-${place}`, {
        clocked: true,
        steps: OF_CLOCK,
        label: "time, UTC",
        axis: "time of the test's clock, UTC",
        range: (_, min, max) => padded(min, max, 1000),
        tick: (value) => (day ? time(value).slice(0, 8) : time(value, true).slice(5, 16)),
        tell: (value) => time(value, true),
        space: day ? 80 : 110,
      });
      const same = (ms) => ms;
      offsets(parent, group, test, [query], same, []);
      small(parent, group, [query], same, []);
    });
    tables(parent, test);
  };

  const open = (details) => {
    const parent = details.querySelector(".plots");
    if (!details.open || !parent || parent.childNodes.length) return;
    const place = Number(details.id.slice(1));
    draw(parent, tests[place], details.id);
  };
  const every = [...document.querySelectorAll(".test")];
  every.forEach((details) => {
    details.addEventListener("toggle", () => open(details));
    open(details);
  });

  dark.addEventListener("change", () => groups.forEach((group) => group.plots.forEach(([made]) => made.redraw())));

  const filter = document.getElementById("filter");
  if (filter) {
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      every.forEach((details) => {
        details.hidden = !details.querySelector(".name").textContent.toLowerCase().includes(wanted);
      });
    });
  }
})();
