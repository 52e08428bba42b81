// Draws the round trips of the last minute, and the gaps without a connection.

/** The time that the plot shows, in ms. */
const SPAN = 60_000;

/**
 * @param {HTMLCanvasElement} canvas
 */
export function plot(canvas) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  /** @type {{ at: number; ms: number }[]} */
  let points = [];
  /** The times without a connection; the last one may not be over. @type {{ from: number; to: number | null }[]} */
  let gaps = [{ from: Date.now(), to: null }];
  let top = 5;

  return {
    /** @param {number} ms */
    add(ms) {
      points.push({ at: Date.now(), ms });
      const seen = points.map((point) => point.ms);
      canvas.ariaLabel = `Round trips of the last minute: now ${ms} ms, between ${Math.min(...seen)} and ${Math.max(...seen)} ms`;
    },

    /** @param {boolean} open */
    connected(open) {
      const last = gaps.at(-1);
      if (open && last && last.to === null) last.to = Date.now();
      if (!open && (!last || last.to !== null)) gaps.push({ from: Date.now(), to: null });
    },

    draw() {
      const now = Date.now();
      const start = now - SPAN;
      // One point and one gap beyond the edge, so that the curve reaches it.
      const first = points.findIndex(({ at }) => at >= start);
      points = points.slice(Math.max(0, first === -1 ? points.length - 1 : first - 1));
      gaps = gaps.filter(({ to }) => to === null || to >= start);

      const { clientWidth: width, clientHeight: height } = canvas;
      const high = ceiling(Math.max(4, ...points.map(({ ms }) => ms)));
      // The scale glides, so that one slow answer does not make the plot jump.
      top = width === 0 ? high : top + (high - top) * 0.3;
      if (width === 0) return;
      const ratio = devicePixelRatio;
      if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
      if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);

      const style = getComputedStyle(canvas);
      const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
      const x = (/** @type {number} */ at) => ((at - start) / SPAN) * (width - 8);
      const y = (/** @type {number} */ ms) => height - 6 - (ms / top) * (height - 20);

      for (const { from, to } of gaps) gap(x(from), to === null ? width : x(to));
      grid();
      for (const run of runs(points, gaps)) curve(run);
      const last = points.at(-1);
      if (last && gaps.at(-1)?.to !== null) dot(x(last.at), y(last.ms));

      /**
       * @param {number} from
       * @param {number} to
       */
      function gap(from, to) {
        context.save();
        context.beginPath();
        context.rect(from, 0, Math.max(2, to - from), height);
        context.fillStyle = colour('--gap');
        context.fill();
        context.clip();
        context.strokeStyle = colour('--gap-stripe');
        context.lineWidth = 1;
        context.beginPath();
        // The stripes move with the time.
        const offset = (now / SPAN) * width;
        for (let at = Math.floor((from + offset) / 7) * 7 - offset - height; at < to; at += 7) {
          context.moveTo(at, height);
          context.lineTo(at + height, 0);
        }
        context.stroke();
        context.restore();
      }

      function grid() {
        context.strokeStyle = colour('--rule');
        context.lineWidth = 1;
        for (const level of [0, high / 2, high]) {
          const at = Math.round(y(level)) + 0.5;
          context.beginPath();
          context.moveTo(0, at);
          context.lineTo(width, at);
          context.stroke();
        }
        context.fillStyle = colour('--muted');
        context.font = `10px ${style.fontFamily}`;
        context.textBaseline = 'bottom';
        context.fillText(`${high} ms`, 2, Math.round(y(high)) - 1);
      }

      /** @param {{ at: number; ms: number }[]} run */
      function curve(run) {
        const [head] = run;
        const tail = run.at(-1);
        if (!head || !tail) return;
        context.beginPath();
        for (const { at, ms } of run) context.lineTo(x(at), y(ms));
        context.strokeStyle = colour('--good');
        context.lineWidth = 1.75;
        context.lineJoin = 'round';
        context.stroke();
        context.lineTo(x(tail.at), y(0));
        context.lineTo(x(head.at), y(0));
        context.closePath();
        const fill = context.createLinearGradient(0, 0, 0, height);
        fill.addColorStop(0, colour('--good-fill'));
        fill.addColorStop(1, colour('--good-fade'));
        context.fillStyle = fill;
        context.fill();
        context.fillStyle = colour('--good');
        for (const { at, ms } of run) {
          context.beginPath();
          context.arc(x(at), y(ms), 1.75, 0, 7);
          context.fill();
        }
      }

      /**
       * @param {number} at
       * @param {number} level
       */
      function dot(at, level) {
        for (const [radius, fill] of /** @type {const} */ ([
          [7, '--good-fill'],
          [3.5, '--good'],
        ])) {
          context.beginPath();
          context.arc(at, level, radius, 0, 7);
          context.fillStyle = colour(fill);
          context.fill();
        }
      }
    },
  };
}

/**
 * Splits the points at the gaps: each run is drawn as one curve.
 * @param {{ at: number; ms: number }[]} points
 * @param {{ from: number }[]} gaps
 */
function runs(points, gaps) {
  const edges = [-Infinity, ...gaps.map(({ from }) => from), Infinity];
  return edges.slice(1).map((edge, index) => points.filter(({ at }) => at >= (edges[index] ?? 0) && at < edge));
}

/**
 * The next round number: 5, 10, 20, 50, 100 …
 * @param {number} value
 */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}
