// Shows the connection, from the streams of the client.
import { createLog, element, messages, press } from './page.js';
import { plot } from './plot.js';

/**
 * @typedef {import('./app.js').Client} Client
 * @typedef {import('primus-rx').ClientState} State
 */

/** How many events the log keeps. */
const EVENTS = 12;

const log = createLog(EVENTS);

/** Why a session could not be resumed, in words. @type {Record<string, string>} */
const REASONS = {
  expired: 'You were away for too long.',
  overflow: 'More was said than the session keeps.',
  epoch: 'The server was restarted.',
  budget: 'The sessions of all took too much memory.',
  taken: 'Another page has your session.',
};

/**
 * @param {Client} primus
 * @param {object} options
 * @param {() => number} options.written
 * @param {(ms: number) => void} options.disconnect
 * @param {() => void} options.now
 */
export function panel(primus, { written, disconnect, now }) {
  const strand = element('strand');
  const outages = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll('#outages button')]);
  /** Sends the unconfirmed messages again. */
  let resend = () => {};
  const chart = plot(/** @type {HTMLCanvasElement} */ (element('plot')));

  /** @type {State} */
  let state = { name: 'idle' };
  let since = Date.now();
  /** Since when we are disconnected. (An attempt has the start of its series, which a short connection does not end.) */
  let down = since;
  let received = 0;
  /** How long the session lasts without a connection, in ms. */
  let window = 0;

  primus.state$.subscribe((next) => {
    if (state.name === 'open') {
      down = Date.now();
      outcome('away', 'Away');
      if (next.name === 'waiting') log('bad', 'Disconnected');
    }
    // A reconnection has its own entry, below.
    if (next.name === 'open' && state.name === 'connecting' && state.attempt === null) log('good', 'Connected');
    state = next;
    since = Date.now();
    document.body.dataset.state = next.name;
    element('state').textContent = headline(next);
    for (const button of outages) button.ariaDisabled = String(next.name !== 'open' || window === 0);
    // Without a network there is nothing to try.
    element('now').ariaDisabled = String(next.name !== 'closed' && !(next.name === 'waiting' && next.until !== null));
    chart.connected(next.name === 'open');
    if (next.name === 'closed') log('bad', next.by === 'server' ? 'The server closed the connection' : 'Closed');
    tick();
  });

  primus.reconnect$.subscribe((event) => {
    switch (event.type) {
      case 'scheduled':
        log('wait', `Attempt ${event.attempt.attempt} in ${seconds(event.attempt.scheduled)}`);
        break;
      case 'started':
        log('wait', `Attempt ${event.attempt.attempt}: dialling`);
        break;
      case 'timeout':
        log('bad', 'No answer in time');
        break;
      case 'reconnected':
        log('good', `Back after ${seconds(Date.now() - down)}`);
        break;
      case 'failed':
        log('bad', 'Gave up');
        break;
      default:
    }
  });

  primus.resume$.subscribe((next) => {
    switch (next.type) {
      case 'fresh':
        return outcome('fresh', 'New session');
      case 'resumed':
        log('good', `Resumed, ${messages(next.missed)}`);
        return outcome('resumed', `Resumed, ${messages(next.missed)}`, sent(next.resent));
      case 'gap':
        log('bad', `Gap: ${next.reason}, ${next.unconfirmed} unconfirmed`);
        outcome('gap', `Gap: ${next.reason}`, `${REASONS[next.reason] ?? ''} ${doubt(next.unconfirmed)}`);
        resend = next.resend;
        element('resend').hidden = next.unconfirmed === 0;
    }
  });

  let online = true;
  primus.online$.subscribe((next) => {
    if (next !== online) log(next ? 'good' : 'bad', next ? 'The network is back' : 'The network is gone');
    online = next;
  });

  primus.error$.subscribe((error) => log('bad', error.message));

  // Traffic is shown between the two ends: a heartbeat travels in both directions, a message in one.
  primus.heartbeat$.subscribe(() => {
    travel('in beat');
    travel('out beat');
  });
  primus.data$.subscribe(() => received++);
  primus.data$.subscribe(({ type }) => {
    if (type === 'said') travel('in');
  });

  for (const button of outages) {
    press(button.id, () => {
      const ms = lengthOf(button, window);
      log('bad', `You disconnected for ${ms / 1000} s`);
      disconnect(ms);
    });
  }
  press('now', now);
  press('resend', () => {
    log('wait', 'Sent again');
    element('resend').hidden = true;
    resend();
  });

  const more = element('more');
  more.addEventListener('click', () => {
    more.ariaExpanded = String(element('panel').classList.toggle('expanded'));
  });

  requestAnimationFrame(frame);

  return {
    /** @param {number} ms */
    window(ms) {
      window = ms;
      for (const button of outages) {
        button.textContent = `${lengthOf(button, ms) / 1000} s`;
        button.ariaDisabled = 'false';
      }
      if (document.body.dataset.session === 'fresh') set('outcome-detail', `What you miss is kept for ${ms / 1000} s.`);
    },

    /** @param {number} ms */
    latency(ms) {
      element('latency').textContent = String(ms);
      chart.add(ms);
    },
  };

  /** Draws what changes with time, at most ten times a second, and only while the page is visible. */
  function frame() {
    tick();
    chart.draw();
    setTimeout(() => requestAnimationFrame(frame), 100);
  }

  function tick() {
    const queue = primus.buffer.length;
    set('in', received);
    set('out', written() - queue);
    set('queue', queue);
    element('queue-box').classList.toggle('some', queue > 0);
    set('detail', detail(state, since));
    const [from, until] = state.name === 'waiting' && state.until !== null ? [since, state.until] : [0, 0];
    const share = until > from ? Math.min(1, Math.max(0, (Date.now() - from) / (until - from))) : 0;
    strand.style.setProperty('--progress', share.toFixed(3));
    if (document.body.dataset.session === 'away') set('outcome-detail', waits(down + window - Date.now()));
  }

  /**
   * Shows what became of the session.
   * @param {'fresh' | 'away' | 'resumed' | 'gap'} type
   * @param {string} title
   * @param {string} [detail]
   */
  function outcome(type, title, detail = '') {
    document.body.dataset.session = type;
    set('outcome-title', title);
    set('outcome-detail', detail);
    element('resend').hidden = true;
  }

  /** @param {string} kind */
  function travel(kind) {
    if (state.name !== 'open' || strand.childElementCount > 8) return;
    const dot = document.createElement('i');
    dot.className = `dot ${kind}`;
    dot.addEventListener('animationend', () => dot.remove());
    strand.append(dot);
  }
}

/** @param {State} state */
function headline(state) {
  switch (state.name) {
    case 'open':
      return 'Connected';
    case 'connecting':
      return 'Connecting';
    case 'waiting':
      return state.until === null ? 'No network' : 'Disconnected';
    case 'closed':
      return 'Closed';
    default:
      return 'Starting';
  }
}

/**
 * @param {State} state
 * @param {number} since
 */
function detail(state, since) {
  switch (state.name) {
    case 'open':
      return `for ${lasting(Date.now() - since)}`;
    case 'connecting':
      return state.attempt ? `Attempt ${state.attempt.attempt}` : 'First connection';
    case 'waiting': {
      if (state.until === null) return 'Goes on when there is one';
      return `Attempt ${state.attempt?.attempt ?? 1} in ${seconds(Math.max(0, state.until - Date.now()))}`;
    }
    case 'closed':
      return state.cause?.message ?? 'For good, or until you try';
    default:
      return '';
  }
}

/**
 * Describes how long a page may be away yet.
 * @param {number} left
 */
function waits(left) {
  return left > 0 ? `Kept for you for another ${Math.ceil(left / 1000)} s.` : 'You are away for too long: expect a gap.';
}

/** @param {number} count */
function sent(count) {
  return count === 0 ? 'Nothing of yours was on its way.' : `${messages(count)} of yours sent again.`;
}

/** @param {number} count */
function doubt(count) {
  return count === 0 ? 'All that you sent has arrived.' : `${messages(count)} of yours may not have arrived.`;
}

/**
 * The length of the outage of a button, in ms: its own, or longer than the window.
 * @param {HTMLElement} button
 * @param {number} window
 */
function lengthOf(button, window) {
  return Number(button.dataset.ms) || window * 1.25;
}

/** @param {number} ms */
function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** @param {number} ms */
function lasting(ms) {
  const [hours, minutes, rest] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return [hours && `${hours} h`, (hours || minutes) && `${minutes} min`, !hours && `${rest} s`].filter(Boolean).join(' ');
}

/**
 * @param {string} id
 * @param {string | number} value
 */
function set(id, value) {
  const target = element(id);
  const text = String(value);
  if (target.textContent !== text) target.textContent = text;
}
