// Connects, and joins the two halves of the page: the chat, and the panel that shows the connection.
import { chat } from './chat.js';
import { newId, someName, stored } from './me.js';
import { panel } from './panel.js';

/**
 * @typedef {import('primus-rx/client').default<import('../messages.js').ToPage, import('../messages.js').FromPage>} Client
 * @typedef {Extract<import('../messages.js').FromPage, { type: 'say' }>} Say
 */

const name = stored(localStorage, 'name', someName);
// The key identifies the person. Each tab has its own, so that two windows are two people who can talk to each other.
const key = stored(sessionStorage, 'key', newId);

const address = new URL(location.origin);
address.searchParams.set('key', key);
address.searchParams.set('name', name);

/** @type {Client} */
const primus = new /** @type {any} */ (globalThis).Primus(address.href, {
  // Slow enough to watch, fast enough not to bore. An open page never gives up.
  reconnect: { min: 1000, max: 8000, retries: Infinity },
  // The server sends a heartbeat every two seconds. A busy computer may miss one.
  pingTimeout: 6000,
});

/** How many messages were written, those that still wait for a connection included; see `panel`. */
let written = 0;

/** The messages that were written and not seen to arrive. @type {Map<string, Say>} */
const outbox = new Map();

/** The build of this page, under `npm run dev`. @type {string | undefined} */
let build;

const view = chat({
  name,
  say(text) {
    /** @type {Say} */
    const message = { type: 'say', id: newId(), text };
    outbox.set(message.id, message);
    write(message);
    return message;
  },
  rename(name) {
    localStorage.setItem('name', name);
    // The next connection has this name in its address; over the present one we send it.
    primus.url.searchParams.set('name', name);
    if (primus.state.name === 'open') write({ type: 'rename', name });
  },
});

const watch = panel(primus, {
  written: () => written,
  terminate: () => write({ type: 'terminate' }),
  // While the client waits to reconnect, `open` connects now.
  now: () => primus.open(),
});

primus.data$.subscribe((message) => {
  switch (message.type) {
    case 'welcome':
      view.iam(message.who);
      for (const said of message.history) arrived(said);
      break;
    case 'said':
      arrived(message);
      break;
    case 'people':
      view.people(message.people);
      break;
    case 'left':
      view.left(message.who);
      break;
    case 'build':
      build ??= message.id;
      if (message.id !== build) location.reload();
      break;
    case 'latency':
      watch.latency(message.ms);
      break;
    default:
  }
});

// A message may have been on its way when the connection was lost. It is written again at once, so that it is queued before
// anything that is written while disconnected; the server recognizes it by its id.
let wasOpen = false;
primus.state$.subscribe((state) => {
  const open = state.name === 'open';
  if (wasOpen && !open) for (const message of outbox.values()) if (!primus.buffer.includes(message)) write(message);
  wasOpen = open;
  view.connected(open);
});

/** @param {import('../messages.js').Said} said */
function arrived(said) {
  if (view.show(said)) outbox.delete(said.id);
}

/** @param {import('../messages.js').FromPage} message */
function write(message) {
  written++;
  primus.write(message);
}
