// Plots, drawn as SVG at the width there is: a picture with words for who does not see it, and its numbers in a table
// under a fold. A plot is made once and drawn again, so that what is unfolded or has the focus stays.

import { h, svg } from "./dom.js";

const HEIGHT = 220;
const FOOT = 26;
const SIDE = 44;
const HEAD = 12;
const LABEL = 64;
const LINE = 30;

/** How kinds look that share a colour with another: the colour alone would not tell them apart. */
const HATCHES = {
  queued: { width: 5, height: 5, turn: 45, stripe: { width: 2, height: 5 } },
  "timed-out": { width: 7, height: 7, turn: 45, stripe: { width: 4, height: 7 } },
  "out-of-tokens": { width: 6, height: 6, turn: 0, stripe: { width: 6, height: 3 } },
  "max-iterations": { width: 6, height: 6, turn: 0, stripe: { width: 3, height: 3 } },
};

/** The hatches' patterns, which have to be on the page once. */
export function hatches() {
  const patterns = Object.entries(HATCHES).map(([kind, { width, height, turn, stripe }]) =>
    svg(
      "pattern",
      { id: `hatch-${kind}`, patternUnits: "userSpaceOnUse", width, height, patternTransform: `rotate(${turn})` },
      svg("rect.paper", { width, height }),
      svg(`rect.kind-${kind}`, stripe),
    ),
  );
  return svg("svg.hatches", { width: 0, height: 0, "aria-hidden": "true" }, svg("defs", {}, patterns));
}

function filled(kind, attributes) {
  return svg(`rect.kind-${kind}`, { ...attributes, ...(HATCHES[kind] ? { fill: `url(#hatch-${kind})`, class: `kind-${kind} hatched` } : {}) });
}

/**
 * Columns, each of parts that stand on each other.
 * @param {{title: string, unit: string, kinds: string[]}} options `unit` is what is counted; `kinds` of parts, the lowest first
 * @returns {{element: HTMLElement, draw: (data: {words: string, columns: {name: string, short: string, parts: object}[]}) => void}}
 *   `words` say what the picture says; `short` stands under a column, `name` in the table
 */
export function columnsPlot({ title, unit, kinds }) {
  const parts = frame(title);
  const isStacked = kinds.length > 1;
  function draw({ words, columns }) {
    const used = kinds.filter((kind) => columns.some((column) => column.parts[kind]));
    const totals = columns.map((column) => kinds.reduce((sum, kind) => sum + (column.parts[kind] ?? 0), 0));
    parts.tell({
      words,
      height: HEIGHT,
      drawn: (width) => drawColumns({ columns, kinds, totals, unit, width }),
      legend: isStacked ? used : [],
      heads: ["", ...(isStacked ? [...used, "all"] : [unit])],
      rows: columns.map((column, at) => [column.name, ...(isStacked ? used.map((kind) => column.parts[kind] ?? 0) : []), totals[at]]),
    });
  }
  return { element: parts.element, draw };
}

function drawColumns({ columns, kinds, totals, unit, width }) {
  const steps = scale(Math.max(...totals, 1));
  const each = (width - SIDE) / columns.length;
  const y = (value) => HEIGHT - FOOT - (value / steps.at(-1)) * (HEIGHT - FOOT - HEAD);
  const every = Math.ceil(columns.length / Math.floor((width - SIDE) / LABEL));
  const lines = steps.map((step) => [
    svg("line", { x1: SIDE, x2: width, y1: y(step), y2: y(step) }),
    svg("text", { x: SIDE - 8, y: y(step) + 4, "text-anchor": "end" }, step.toLocaleString("en")),
  ]);
  const drawn = columns.map(({ name, short, parts }, at) => {
    const x = SIDE + at * each;
    const there = kinds.filter((kind) => parts[kind]);
    let sum = 0;
    const pieces = there.map((kind) => {
      const [from, to] = [sum, (sum += parts[kind])];
      return filled(kind, { x: x + each * 0.14, width: each * 0.72, y: y(to), height: y(from) - y(to) });
    });
    const said = there.map((kind) => `${parts[kind]} ${kinds.length > 1 ? kind : unit}`).join(", ") || `no ${unit}`;
    const room = svg("rect.room", { x, y: HEAD, width: each, height: HEIGHT - FOOT - HEAD });
    const label = (columns.length - 1 - at) % every === 0 && svg("text", { x: Math.min(x + each / 2, width - LABEL / 3), y: HEIGHT - 8, "text-anchor": "middle" }, short);
    return svg("g", {}, svg("title", {}, `${name}: ${said}`), room, pieces, label);
  });
  return [lines, drawn];
}

/**
 * Lying bars, each with its name before it and its number behind it.
 * @param {{title: string, unit: string}} options
 * @returns {{element: HTMLElement, draw: (data: {words: string, bars: {name: string, kind: string, value: number}[]}) => void}}
 */
export function barsPlot({ title, unit }) {
  const parts = frame(title);
  function draw({ words, bars }) {
    const all = bars.reduce((sum, { value }) => sum + value, 0) || 1;
    parts.tell({
      words,
      height: Math.max(1, bars.length) * LINE,
      drawn: (width) => drawBars({ bars, all, width }),
      legend: [],
      heads: ["", unit, "share"],
      rows: bars.map(({ name, value }) => [name, value, share(value / all)]),
    });
  }
  return { element: parts.element, draw };
}

function drawBars({ bars, all, width }) {
  const most = Math.max(...bars.map(({ value }) => value), 1);
  const [begin, end] = [112, 112];
  return bars.map(({ name, kind, value }, at) => {
    const [y, long] = [at * LINE, Math.max(2, (value / most) * (width - begin - end))];
    return [
      svg("text", { x: begin - 10, y: y + 20, "text-anchor": "end" }, name),
      filled(kind, { x: begin, y: y + 5, width: long, height: LINE - 10 }),
      svg("text", { x: begin + long + 8, y: y + 20 }, `${value.toLocaleString("en")} (${share(value / all)})`),
    ];
  });
}

/** A share as "87 %"; what is nearly all or nearly nothing is not said to be that. */
export function share(part) {
  if (part > 0.99 && part < 1) return "99 %";
  if (part > 0 && part < 0.01) return "under 1 %";
  return `${Math.round(part * 100)} %`;
}

/** What stands around a plot, and the plot drawn anew where its width changes. */
function frame(title) {
  const words = h("p.quiet");
  const picture = h("div.picture");
  const legend = h("ul.legend", { "aria-hidden": "true" });
  const numbers = h("div.wide", { tabindex: 0, role: "region", "aria-label": `${title}: the numbers` });
  const fold = h("details", {}, h("summary", {}, "The numbers", h("span.unseen", {}, ` of: ${title}`)), numbers);
  const element = h("figure.card.plot", {}, h("figcaption", {}, h("h2", {}, title), words), picture, legend, fold);
  let told = null;

  function draw() {
    const width = Math.floor(picture.clientWidth);
    if (!told || !width) return;
    const attributes = { viewBox: `0 0 ${width} ${told.height}`, width, height: told.height, role: "img", "aria-label": `${title}. ${told.words}` };
    picture.replaceChildren(svg("svg", attributes, told.drawn(width)));
  }

  function tell(now) {
    told = now;
    words.textContent = now.words;
    picture.hidden = fold.hidden = now.rows.length === 0;
    picture.style.minHeight = `${now.height}px`;
    legend.replaceChildren(...now.legend.map((kind) => h("li", {}, swatch(kind), kind)));
    legend.hidden = now.legend.length === 0;
    numbers.replaceChildren(table(now.heads, now.rows));
    draw();
  }

  new ResizeObserver(draw).observe(picture);
  return { element, tell };
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

function swatch(kind) {
  return svg("svg", { width: 14, height: 14 }, filled(kind, { width: 14, height: 14 }));
}

/** A few whole numbers from nought to at least the most. */
function scale(most) {
  const rough = most / 4;
  const power = 10 ** Math.max(0, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => at * step);
}
