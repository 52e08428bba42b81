import { WINDOW } from './simulate.mjs';

/** The time that the plot shows, in ms. */
const SHOWN = 90_000;
/** The length of one step of the plot, in ms. */
const STEP = 500;
/** Attempts a second at the top, and at the bottom, of the logarithmic scale. */
const [TOP, BOTTOM] = [1e6, 1e2];

const [WIDTH, HEIGHT] = [340, 130];
const [LEFT, ABOVE, BETWEEN, BELOW] = [44, 50, 44, 34];
const COLUMNS = 2;

/** Draws the attempts a second, and the share of clients that are connected, of each run over time, as an SVG. */
export function plot(results) {
  const names = Object.keys(results);
  const width = COLUMNS * (LEFT + WIDTH) + 20;
  const height = ABOVE + Math.ceil(names.length / COLUMNS) * (HEIGHT + BETWEEN) + BELOW - 20;
  const panels = names.map((name, index) => {
    const x = LEFT + (index % COLUMNS) * (LEFT + WIDTH);
    const y = ABOVE + Math.floor(index / COLUMNS) * (HEIGHT + BETWEEN);
    return `<g transform="translate(${x} ${y})">\n${panel(name, results[name])}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>Attempts a second of each policy after a restart</title>
<style>
svg { background: #fff; font: 11px system-ui, sans-serif; fill: #444 }
.name { font-weight: 600; fill: #111 }
.grid { stroke: #ddd; fill: none }
.attempts { fill: #2f6fd0; fill-opacity: .75 }
.share { stroke: #d0342c; stroke-width: 2; fill: none }
.end { text-anchor: end }
.middle { text-anchor: middle }
</style>
<rect x="${LEFT}" y="12" width="12" height="10" class="attempts"/>
<text x="${LEFT + 18}" y="21">attempts a second, logarithmic</text>
<path d="M${LEFT + 200} 17h14" class="share"/>
<text x="${LEFT + 220}" y="21">share of connected clients, 0 to 100 %; the server is back after 10 s</text>
${panels.join('\n')}
</svg>
`;
}

function panel(name, run) {
  const grid = [];
  for (let rate = BOTTOM; rate <= TOP; rate *= 10) {
    grid.push(`<path d="M0 ${heightOf(rate)}H${WIDTH}" class="grid"/>`);
    grid.push(`<text x="-5" y="${heightOf(rate) + 4}" class="end">${short(rate)}</text>`);
  }
  for (let time = 0; time <= SHOWN; time += 30_000) {
    grid.push(`<path d="M${placeOf(time)} 0V${HEIGHT}" class="grid"/>`);
    grid.push(`<text x="${placeOf(time)}" y="${HEIGHT + 14}" class="middle">${time / 1_000} s</text>`);
  }
  return [
    `<text x="0" y="-7" class="name">${name}</text>`,
    ...grid,
    `<path d="${area(run.attempts)}" class="attempts"/>`,
    `<path d="${course(run.shares)}" class="share"/>`,
  ].join('\n');
}

/** The attempts a second of each step. */
function area(attempts) {
  const steps = [];
  for (let time = 0; time < SHOWN; time += STEP) {
    const sum = attempts.subarray(time / WINDOW, (time + STEP) / WINDOW).reduce((a, b) => a + b, 0);
    steps.push(`V${heightOf((sum * 1_000) / STEP)}H${placeOf(time + STEP)}`);
  }
  return `M0 ${HEIGHT}${steps.join('')}V${HEIGHT}Z`;
}

function course(shares) {
  const points = [];
  for (let time = 0; time <= SHOWN; time += STEP) points.push(`${placeOf(time)} ${round(HEIGHT * (1 - shares[time / WINDOW]))}`);
  return `M${points.join('L')}`;
}

function placeOf(time) {
  return round((WIDTH * time) / SHOWN);
}

function heightOf(rate) {
  const share = Math.log10(Math.max(rate, BOTTOM) / BOTTOM) / Math.log10(TOP / BOTTOM);
  return round(HEIGHT * (1 - Math.min(share, 1)));
}

function round(number) {
  return Math.round(number * 10) / 10;
}

function short(rate) {
  return rate >= 1e6 ? `${rate / 1e6} M` : rate >= 1e3 ? `${rate / 1e3} k` : String(rate);
}
