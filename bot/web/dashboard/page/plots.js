// Plots as SVG, with a text alternative and a collapsible table of their numbers. A plot is created once and redrawn in
// place, so that focus and open tables stay. Columns have a greatest width: few data look like few data.

import { h, svg } from "./dom.js";

const HEIGHT = 200;
const FOOT = 24;
const SIDE = 36;
const HEAD = 10;
const LABEL = 60;
const WIDEST = 30;
const ROUND = 3;

/**
 * Stacked columns.
 * @param {object} options
 * @param {string} options.title
 * @param {string} options.unit what is counted
 * @param {{kind: string, name: string}[]} options.series of the parts, from the bottom up
 * @returns {{element: HTMLElement, draw: (data: {words: string, columns: {name: string, short: string, parts: object}[]}) => void}}
 *   `words`: the text alternative; `short`: the label below a column; `name`: its name in the table
 */
export function columnsPlot({ title, unit, series }) {
  const parts = frame(title);
  const isStacked = series.length > 1;
  function draw({ words, columns }) {
    const used = series.filter(({ kind }) => columns.some((column) => column.parts[kind]));
    const totals = columns.map((column) => series.reduce((sum, { kind }) => sum + (column.parts[kind] ?? 0), 0));
    parts.update({
      words,
      drawn: (width) => drawColumns({ columns, series, totals, unit, width }),
      legend: isStacked ? used : [],
      heads: ["", ...(isStacked ? [...used.map(({ name }) => name), "All"] : [unit])],
      rows: columns.map((column, at) => [column.name, ...(isStacked ? used.map(({ kind }) => column.parts[kind] ?? 0) : []), totals[at]]),
    });
  }
  return { element: parts.element, draw };
}

function drawColumns({ columns, series, totals, unit, width }) {
  const steps = scale(Math.max(...totals, 1));
  const each = (width - SIDE) / columns.length;
  const wide = Math.min(WIDEST, each * 0.7);
  const y = (value) => HEIGHT - FOOT - (value / steps.at(-1)) * (HEIGHT - FOOT - HEAD);
  const every = Math.max(1, Math.ceil(columns.length / Math.max(1, Math.floor((width - SIDE) / LABEL))));
  const lines = steps.map((step) => [
    svg(step ? "line.grid" : "line.ground", { x1: SIDE, x2: width, y1: y(step), y2: y(step) }),
    svg("text", { x: SIDE - 8, y: y(step) + 4, "text-anchor": "end" }, step.toLocaleString("en")),
  ]);
  const drawn = columns.map(({ name, short, parts }, at) => {
    const middle = SIDE + (at + 0.5) * each;
    const there = series.filter(({ kind }) => parts[kind]);
    let sum = 0;
    const pieces = there.map(({ kind }, place) => {
      const [from, to] = [sum, (sum += parts[kind])];
      return svg(`path.kind-${kind}`, { d: piece({ x: middle - wide / 2, wide, top: y(to), bottom: y(from), isTop: place === there.length - 1, isGround: place === 0 }) });
    });
    const description = there.map(({ kind, name: words }) => `${parts[kind]} ${series.length > 1 ? words.toLowerCase() : unit}`).join(", ") || `no ${unit}`;
    const room = svg("rect.room", { x: middle - each / 2, y: HEAD, width: each, height: HEIGHT - FOOT - HEAD, rx: ROUND });
    const label = (columns.length - 1 - at) % every === 0 && svg("text", { x: Math.min(Math.max(middle, SIDE + 8), width - 22), y: HEIGHT - 6, "text-anchor": "middle" }, short);
    return svg("g", {}, svg("title", {}, `${name}: ${description}`), room, pieces, label);
  });
  return [lines, drawn];
}

/** A part of a column: rounded at the top of the column, with a thin gap below it. */
function piece({ x, wide, top, bottom, isTop, isGround }) {
  const foot = isGround ? bottom : bottom - 1;
  const round = isTop ? Math.min(ROUND, wide / 2, Math.max(0, foot - top)) : 0;
  return `M${x} ${foot}V${top + round}q0 ${-round} ${round} ${-round}H${x + wide - round}q${round} 0 ${round} ${round}V${foot}Z`;
}

/** A line without axes, beside a number that says what it is about. @param {(number|null)[]} values */
export function sparkline(values) {
  const known = values.map((value, at) => [at, value]).filter(([, value]) => value !== null);
  if (known.length < 2) return null;
  const [low, high] = [Math.min(...known.map(([, value]) => value)), Math.max(...known.map(([, value]) => value))];
  const x = (at) => 2 + (at / (values.length - 1)) * 92;
  const y = (value) => (high === low ? 14 : 25 - ((value - low) / (high - low)) * 22);
  const points = known.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const [lastAt, last] = known.at(-1);
  return svg("svg.sparkline", { viewBox: "0 0 98 28", "aria-hidden": "true" }, svg("polyline", { points: points.join(" ") }), svg("circle", { cx: x(lastAt), cy: y(last), r: 2.5 }));
}

/** The frame of a plot, which is redrawn when its width changes. */
function frame(title) {
  const words = h("p.quiet");
  const picture = h("div.picture");
  const legend = h("ul.legend", { "aria-hidden": "true" });
  const numbers = h("div.wide", { tabindex: 0, role: "region", "aria-label": `${title}: numbers` });
  const fold = h("details", {}, h("summary", {}, "Show table", h("span.unseen", {}, `: ${title}`)), numbers);
  const element = h("figure.card.plot", {}, h("figcaption", {}, h("h2", {}, title), words), legend, picture, fold);
  let current = null;

  function draw() {
    const width = Math.floor(picture.clientWidth);
    if (!current || !width) return;
    const attributes = { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": `${title}. ${current.words}` };
    picture.replaceChildren(svg("svg", attributes, current.drawn(width)));
  }

  function update(now) {
    current = now;
    words.textContent = now.words;
    picture.hidden = fold.hidden = now.rows.length === 0;
    picture.style.minHeight = `${HEIGHT}px`;
    legend.replaceChildren(...now.legend.map(({ kind, name }) => h("li", {}, h(`span.swatch.kind-${kind}`), name)));
    legend.hidden = now.legend.length === 0;
    numbers.replaceChildren(table(now.heads, now.rows));
    draw();
  }

  new ResizeObserver(draw).observe(picture);
  return { element, update };
}

function table(heads, rows) {
  const cell = (value) => h("td", {}, value.toLocaleString("en"));
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...heads.map((words) => (words ? h("th", { scope: "col" }, words) : h("td"))))),
    h("tbody", {}, ...rows.map(([name, ...values]) => h("tr", {}, h("th", { scope: "row" }, name), ...values.map(cell)))),
  );
}

/** The axis: a few whole numbers from 0 to at least the maximum. */
function scale(most) {
  const rough = most / 4;
  const power = 10 ** Math.max(0, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => at * step);
}
