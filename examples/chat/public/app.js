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
  reconnect: { min: 1000, max: 5000, retries: Infinity },
  // The server sends a heartbeat every two seconds. A busy computer may miss one.
  pingTimeout: 6000,
});

/** How many messages were written, those that still wait for a connection included; see `panel`. */
let written = 0;

/** The build of this page, under `npm run dev`. @type {string | undefined} */
let build;

const view = chat({
  name,
  say(text) {
    /** @type {Say} */
    const message = { type: 'say', id: newId(), text };
    write(message);
    return message;
  },
  rename(name) {
    localStorage.setItem('name', name);
    // A new session has this name in its address; to the present one we send it.
    primus.url.searchParams.set('name', name);
    write({ type: 'rename', name });
  },
});

const watch = panel(primus, {
  written: () => written,
  // Not a message: the last ones before the outage may be sent again, and this must not.
  disconnect: (ms) => fetch(`/outage?key=${key}&ms=${ms}`, { method: 'POST' }),
  // While the client waits to reconnect, `open` connects now.
  now: () => primus.open(),
});

primus.data$.subscribe((message) => {
  switch (message.type) {
    case 'welcome':
      view.iam(message.who);
      watch.window(message.window);
      for (const said of message.history) view.show(said);
      break;
    case 'said':
      view.show(message);
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

primus.state$.subscribe(({ name }) => view.connected(name === 'open'));

/** @param {import('../messages.js').FromPage} message */
function write(message) {
  written++;
  primus.write(message);
}
