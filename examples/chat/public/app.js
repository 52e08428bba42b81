// Connects, and joins the two halves of the page: the chat, and the panel that watches the connection.
import { chat } from './chat.js';
import { newId, someName, stored } from './me.js';
import { panel } from './panel.js';

/**
 * @typedef {import('primus-rx/client').default<import('../messages.js').ToPage, import('../messages.js').FromPage>} Client
 * @typedef {Extract<import('../messages.js').FromPage, { type: 'say' }>} Say
 */

const name = stored(localStorage, 'name', someName);
// Whoever knows the key is this person. One key a tab, so that two windows are two people to talk to each other.
const key = stored(sessionStorage, 'key', newId);

const address = new URL(location.origin);
address.searchParams.set('key', key);
address.searchParams.set('name', name);

/** @type {Client} */
const primus = new /** @type {any} */ (globalThis).Primus(address.href, {
  // Slow enough to watch, quick enough not to wait. A page that is open wants to come back, however long it takes.
  reconnect: { min: 1000, max: 8000, retries: Infinity },
  // The server's heart beats every two seconds. A busy computer may miss one.
  pingTimeout: 6000,
});

/** Everything that was written. Also what waits for a line counts; see `panel`. */
let written = 0;

/** Written, and not seen to arrive. @type {Map<string, Say>} */
const outbox = new Map();

/** The build that this page is of, under `npm run dev`. @type {string | undefined} */
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
    // The next connection is made under this name; the one we have is told.
    primus.url.searchParams.set('name', name);
    if (primus.state.name === 'open') write({ type: 'rename', name });
  },
});

const watch = panel(primus, {
  written: () => written,
  cut: () => write({ type: 'cut' }),
  // While there is a wait, to open is to dial now.
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
    case 'went':
      view.went(message.who);
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

// A message may have been on the line when that broke, and nobody knows whether it got through. It is written again, now:
// so it waits before everything that will be written while there is no line, and the server knows it by its id.
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
