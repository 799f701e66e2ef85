// Draws what the page's data block holds: curves by Chart.js, attention and large matrices on canvases of our own.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (selector, root = document) => [...root.querySelectorAll(selector)];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const alpha = (hex, a) => hex + Math.round(a * 255).toString(16).padStart(2, "0");
  const groupColour = (group) => colour("c" + (group % 8));

  // Four digits, as everywhere in our output.
  const brief = (v) => {
    if (v === null || !Number.isFinite(v)) return String(v);
    if (v === 0) return "0";
    const size = Math.abs(v);
    if (size < 1e-3 || size >= 99999.5) return v.toExponential(2);
    return v.toFixed(Math.max(0, Math.min(5, 3 - Math.floor(Math.log10(size)))));
  };
  const grouped = (n) => Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  const tick = (v) => {
    const size = Math.abs(v);
    if (size >= 1e6) return +(v / 1e6).toPrecision(3) + " M";
    if (size >= 1e4) return +(v / 1e3).toPrecision(3) + " k";
    if (size > 0 && size < 1e-3) return (+v.toPrecision(3)).toExponential();
    return size >= 1000 ? grouped(v) : String(+v.toPrecision(4));
  };
  // On a logarithmic axis: 1, 2, 5 of each power of ten where there is room, else powers of ten.
  const logTick = (v, scale) => {
    const lead = v / 10 ** Math.floor(Math.log10(v) + 1e-9);
    const decades = Math.log10(scale.max / Math.max(scale.min, 1e-300));
    const shown = decades > 4 ? [1] : decades > 0.6 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9];
    return shown.some((s) => Math.abs(lead - s) < 1e-6) ? tick(v) : "";
  };

  // ---- curves ----

  const state = { logX: false, logY: false, hidden: new Set() };
  const styles = {
    train: { width: 1.3, opacity: 0.55, dash: [] },
    valid: { width: 2.2, opacity: 1, dash: [] },
    test: { width: 2, opacity: 1, dash: [2, 4] },
    length: { width: 2.2, opacity: 1, dash: [], points: 3 },
  };
  const styleOf = (split) => styles[split] || { width: 1.6, opacity: 0.9, dash: [8, 3] };

  // The points nearest in x, one of each curve that reaches there.
  if (window.Chart) Chart.Interaction.modes.curves = (chart, event) => {
    const x = chart.scales.x.getValueForPixel(event.x);
    const items = [];
    for (const meta of chart.getSortedVisibleDatasetMetas()) {
      const points = chart.data.datasets[meta.index].data;
      if (chart.data.datasets[meta.index].band || points.length === 0) continue;
      let low = 0, high = points.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (points[middle].x < x) low = middle + 1; else high = middle;
      }
      if (low > 0 && x - points[low - 1].x < points[low].x - x) --low;
      if (Math.abs(chart.scales.x.getPixelForValue(points[low].x) - event.x) < 40)
        items.push({ element: meta.data[low], datasetIndex: meta.index, index: low });
    }
    return items;
  };

  const labelOf = (chart, curve) =>
    [...(data.groups.length > 1 ? [data.groups[curve.group]] : []), ...(chart.x ? [] : [curve.split])].join(", ") ||
    chart.metric.replaceAll("_", " ");
  const logX = (chart) => (chart.x ? true : state.logX);  // lengths double
  const series = (chart) => {
    const sets = [];
    const judged = new Set(chart.curves.filter((c) => c.split !== "train").map((c) => c.group));
    const positive = (v) => (state.logY && !(v > 0) ? null : v);
    for (const curve of chart.curves) {
      if (state.hidden.has(curve.group)) continue;
      const base = groupColour(curve.group), style = styleOf(curve.split);
      const xs = curve.x.map((x, i) => i).filter((i) => !logX(chart) || curve.x[i] > 0);
      const line = (values) => xs.map((i) => ({ x: curve.x[i], y: positive(values[i]), i }));
      const common = { borderWidth: 0, pointRadius: 0, pointHoverRadius: 0, curve };
      // Where validation tells how a group does, a band around the noise of training only hides it.
      if (curve.half && !(curve.split === "train" && judged.has(curve.group))) {
        const edge = (sign) => line(curve.y.map((y, i) => (curve.half[i] === null ? y : y + sign * curve.half[i])));
        sets.push({ ...common, band: true, data: edge(-1), fill: false, order: 3 });
        sets.push({ ...common, band: true, data: edge(1), fill: "-1", order: 3,
          backgroundColor: alpha(base, curve.split === "train" ? 0.1 : 0.18) });
      }
      const lone = xs.length === 1;
      sets.push({ ...common, label: labelOf(chart, curve),
        data: line(curve.y), borderColor: alpha(base, style.opacity), backgroundColor: base, borderDash: style.dash,
        borderWidth: style.width, pointRadius: lone ? 4 : style.points || 0, pointHoverRadius: 4, fill: false, clip: 6,
        order: curve.split === "train" ? 2 : 1 });
    }
    const ends = chart.curves.flatMap((c) => [c.x[0], c.x[c.x.length - 1]]).filter((x) => !logX(chart) || x > 0);
    const [left, right] = [Math.min(...ends), Math.max(...ends)];
    for (const [name, level] of chart.baselines || [])
      sets.push({ label: name, data: [{ x: left, y: level }, { x: right, y: level }], baseline: true, order: 4,
        borderColor: colour("soft"), borderWidth: 1.2, borderDash: [6, 4], pointRadius: 0, pointHoverRadius: 0 });
    return sets;
  };

  // The name of a baseline stands on its line.
  const baselineNames = {
    id: "baselineNames",
    afterDatasetsDraw(chart) {
      const { ctx, chartArea, scales } = chart;
      ctx.save();
      ctx.font = "12px " + Chart.defaults.font.family;
      ctx.textAlign = "right";
      ctx.fillStyle = colour("soft");
      for (const set of chart.data.datasets)
        if (set.baseline) {
          const y = scales.y.getPixelForValue(set.data[0].y);
          ctx.fillText(set.label + "  " + brief(set.data[0].y), chartArea.right - 6, y - 6);
        }
      ctx.restore();
    },
  };

  const axis = (log, title) => ({
    type: log ? "logarithmic" : "linear",
    title: { display: !!title, text: title, color: colour("soft"), font: { size: 12 } },
    border: { display: false },
    grid: { color: colour("line"), drawBorder: false, tickLength: 4 },
    ticks: { color: colour("soft"), font: { size: 12 }, maxRotation: 0, maxTicksLimit: log ? 60 : 7, autoSkip: !log,
      callback: log ? function (v) { return logTick(v, this); } : tick },
  });

  const drawn = [];
  const drawCharts = () => {
    for (const chart of drawn.splice(0)) chart.destroy();
    for (const canvas of find("canvas[data-chart]")) {
      const chart = data.charts[+canvas.dataset.chart];
      const x = axis(logX(chart), chart.x || "step"), y = axis(state.logY && chart.positive, "");
      const xs = chart.curves.flatMap((c) => [c.x[0], c.x[c.x.length - 1]]).filter((v) => !logX(chart) || v > 0);
      if (chart.x) {  // a tick at each value that was measured
        const values = [...new Set(chart.curves.flatMap((c) => c.x))].sort((a, b) => a - b);
        x.afterBuildTicks = (scale) => { scale.ticks = values.map((value) => ({ value })); };
        x.ticks.callback = tick;
      }
      if (xs.length) { x.min = Math.min(...xs); x.max = Math.max(...xs); }
      const edges = chart.curves.filter((c) => c.half).flatMap((c) => c.y.map((v, i) => v - c.half[i]));
      if (chart.positive && y.type === "linear" && edges.some((v) => v < 0)) y.min = 0;
      if (y.type === "logarithmic") {  // as far as the means go: a band may reach down to almost nothing
        const levels = chart.curves.flatMap((c) => c.y).concat((chart.baselines || []).map((b) => b[1]));
        y.min = 0.93 * Math.min(...levels.filter((v) => v > 0));
        y.max = 1.07 * Math.max(...levels);
      }
      if (x.min === x.max) { delete x.min; delete x.max; }
      drawn.push(new Chart(canvas, {
        type: "line",
        data: { datasets: series(chart) },
        plugins: [baselineNames],
        options: {
          animation: false, parsing: false, normalized: true, maintainAspectRatio: false, spanGaps: true,
          layout: { padding: { right: 6, top: 4 } },
          interaction: { mode: "curves", intersect: false },
          scales: { x, y },
          elements: { line: { tension: 0, borderJoinStyle: "round" } },
          plugins: {
            legend: { display: false },
            tooltip: {
              filter: (item) => !item.dataset.band && !item.dataset.baseline,
              backgroundColor: colour("card"), borderColor: colour("line"), borderWidth: 1, titleColor: colour("soft"),
              bodyColor: colour("ink"), padding: 10, boxPadding: 5, boxWidth: 9, boxHeight: 9, usePointStyle: false,
              callbacks: {
                title: (items) => (items.length ? (chart.x || "step") + " " + grouped(items[0].parsed.x) : ""),
                label: (item) => {
                  const half = item.dataset.curve.half && item.dataset.curve.half[item.raw.i];
                  return item.dataset.label + "  " + brief(item.raw.y) + (half ? " ± " + (half < 1e-3 ? half.toExponential(1) : +half.toPrecision(2)) : "");
                },
                labelColor: (item) => ({ borderColor: "transparent", backgroundColor: item.dataset.backgroundColor }),
              },
            },
          },
        },
      }));
    }
  };

  // ---- heat maps ----

  const parseHex = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const ramp = () => {
    const stops = ["heat-low", "heat-mid", "heat-high"].map((name) => parseHex(colour(name)));
    return (v) => {  // v in 0..1
      const at = Math.max(0, Math.min(1, v)) * 2, s = Math.min(1, Math.floor(at)), t = at - s;
      return stops[s].map((c, i) => Math.round(c + t * (stops[s + 1][i] - c)));
    };
  };
  const paint = (canvas, rows, columns, value) => {
    const colours = ramp(), none = parseHex(colour("heat-none"));
    canvas.width = columns;
    canvas.height = rows;
    const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
    for (let i = 0; i < rows * columns; ++i) {
      const v = value(i);
      image.data.set([...(v === null ? none : colours(v)), 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
  };

  // A map with labels on both sides; says under it what the pointer is on.
  const labelledMap = (canvas, map, reading) => {
    const { rows, columns, value, say, max, min } = map;
    const scale = window.devicePixelRatio || 1, cs = getComputedStyle(document.body);
    const font = "11px ui-monospace, 'Liberation Mono', 'DejaVu Sans Mono', monospace";
    const context = canvas.getContext("2d");
    context.font = font;
    const room = (labels) => Math.min(110, Math.max(...labels.map((l) => context.measureText(l).width), 8) + 12);
    const left = room(rows), top = room(columns);
    const wide = Math.max(240, Math.min(640, canvas.parentElement.clientWidth - left - 4));
    const cell = Math.max(2, Math.min(34, Math.floor(wide / columns.length)));
    const width = left + cell * columns.length + 2, height = top + cell * rows.length + 2;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.width = width + "px";
    canvas.style.aspectRatio = width + " / " + height;
    context.scale(scale, scale);
    const cells = document.createElement("canvas");
    const span = max - min || 1;
    paint(cells, rows.length, columns.length, (i) => (value(i) === null ? null : (value(i) - min) / span));
    context.imageSmoothingEnabled = false;
    context.drawImage(cells, left, top, cell * columns.length, cell * rows.length);
    context.strokeStyle = colour("line");
    context.strokeRect(left - 0.5, top - 0.5, cell * columns.length + 1, cell * rows.length + 1);
    context.font = font;
    context.fillStyle = cs.color;
    context.textBaseline = "middle";
    const every = Math.ceil(12 / cell);
    context.textAlign = "right";
    rows.forEach((label, i) => i % every || context.fillText(label, left - 5, top + (i + 0.5) * cell, left - 6));
    context.textAlign = "left";
    columns.forEach((label, j) => {
      if (j % every) return;
      context.save();
      context.translate(left + (j + 0.5) * cell, top - 5);
      context.rotate(-Math.PI / 2);
      context.fillText(label, 0, 0, top - 6);
      context.restore();
    });
    canvas.onmousemove = (event) => {
      const box = canvas.getBoundingClientRect(), zoom = width / box.width;
      const j = Math.floor(((event.clientX - box.left) * zoom - left) / cell);
      const i = Math.floor(((event.clientY - box.top) * zoom - top) / cell);
      const inside = i >= 0 && i < rows.length && j >= 0 && j < columns.length;
      reading.textContent = inside ? say(i, j) : "";
    };
    canvas.onmouseleave = () => { reading.textContent = ""; };
  };

  const visible = (token) => token.replace(/ /g, "␣").replace(/\n/g, "⏎").replace(/\t/g, "⇥") || "∅";

  const weightsOf = (head) =>
    head.bytes || (head.bytes = Uint8Array.from(atob(head.data), (c) => c.charCodeAt(0)));
  // The head whose rows have the largest weights on average: the one to look at first.
  const sharpest = (layers, rows, columns) => {
    let best = [0, 0], most = -1;
    layers.forEach((layer, l) => layer.forEach((head, h) => {
      const bytes = weightsOf(head);
      let sum = 0;
      for (let i = 0; i < rows; ++i) sum += Math.max(0, ...bytes.subarray(i * columns, (i + 1) * columns)) * head.max;
      if (sum > most) [best, most] = [[l, h], sum];
    }));
    return best;
  };

  const drawAttention = () => {
    for (const place of find("[data-attention]")) {
      const { tokens, keys, layers } = data.attention[+place.dataset.attention];
      const n = tokens.length, m = keys.length, rows = tokens.map(visible), columns = keys.map(visible);
      const heads = place.querySelector(".heads");
      const large = place.querySelector("canvas.heat"), reading = place.querySelector(".reading");
      const title = place.querySelector("h3");
      const chosen = place.chosen || (place.chosen = sharpest(layers, n, m));
      const focused = find("button", heads).indexOf(document.activeElement);
      heads.replaceChildren();
      const most = Math.max(...layers.map((l) => l.length), 1);
      heads.style.gridTemplateColumns = "max-content repeat(" + Math.min(most, 8) + ", max-content)";
      layers.forEach((layer, l) => {
        layer.forEach((head, h) => {
          if (h % 8 === 0) heads.append(Object.assign(document.createElement("span"),
            { textContent: h === 0 ? "layer " + l : "" }));
          const button = document.createElement("button"), small = document.createElement("canvas");
          button.type = "button";
          button.title = "layer " + l + ", head " + h;
          button.setAttribute("aria-label", button.title);
          button.setAttribute("aria-pressed", chosen[0] === l && chosen[1] === h);
          paint(small, n, m, (i) => weightsOf(head)[i] / 255);
          button.append(small);
          button.onclick = () => { place.chosen = [l, h]; drawAttention(); };
          heads.append(button);
        });
        for (let h = layer.length; h < most && most <= 8; ++h) heads.append(document.createElement("span"));
      });
      if (focused >= 0) find("button", heads)[focused].focus();
      const head = (layers[chosen[0]] || [])[chosen[1]];
      if (!head) continue;
      title.textContent = "Layer " + chosen[0] + ", head " + chosen[1];
      place.querySelector(".most").textContent = brief(head.max);
      const value = (i) => (head.bytes[i] / 255) * head.max;
      labelledMap(large, { rows, columns, value, min: 0, max: head.max,
        say: (i, j) => rows[i] + " (" + i + ") looks at " + columns[j] + " (" + j + "): " + value(i * m + j).toFixed(3) },
        reading);
    }
  };

  const drawMatrices = () => {
    for (const place of find("[data-matrix]")) {
      const { rows, columns, values } = data.matrices[+place.dataset.matrix];
      const finite = values.filter((v) => v !== null);
      const min = Math.min(0, ...finite), max = Math.max(...finite, min);
      place.querySelector(".least").textContent = brief(min);
      place.querySelector(".most").textContent = brief(max);
      labelledMap(place.querySelector("canvas.heat"), { rows, columns, value: (i) => values[i], min, max,
        say: (i, j) => rows[i] + ", " + columns[j] + ": " + brief(values[i * columns.length + j]) },
        place.querySelector(".reading"));
    }
  };

  // ---- the page ----

  const drawAll = () => {
    if (window.Chart) {
      Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
      for (const swatch of find("[data-group]"))
        swatch.style.background = groupColour(+swatch.dataset.group);
      drawCharts();
    }
    drawAttention();
    drawMatrices();
  };
  for (const box of find("input[data-set]"))
    box.onchange = () => { state[box.dataset.set] = box.checked; drawCharts(); };
  for (const box of find("input[data-show]"))
    box.onchange = () => { state.hidden[box.checked ? "delete" : "add"](+box.dataset.show); drawCharts(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  matchMedia("print").addEventListener("change", drawAll);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawAttention(); drawMatrices(); } });
  drawAll();
})();
