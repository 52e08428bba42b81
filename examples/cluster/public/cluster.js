// Connects to whichever node the proxy chooses, and shows the conversation, which is a channel, and the cluster.
import { chat } from './chat.js';
import { newId, someName, stored } from './me.js';
import { createLog, element, messages, press } from './page.js';

/**
 * @typedef {import('../../chat/messages.js').Said} Said
 * @typedef {import('../messages.js').Present} Present
 * @typedef {import('primus-rx/client').default<import('../messages.js').ToPage, import('../messages.js').FromPage>} Client
 * @typedef {import('primus-rx/channels').ClientChannel<Said>} Lobby
 * @typedef {import('primus-rx/channels').Recovery} Recovery
 */

/** How long a person may take to reconnect before the page says that they left, in ms. A dead node is noticed after 5 s. */
const GRACE = 8_000;

/** How many events the page shows. */
const EVENTS = 100;

const REASONS = {
  epoch: 'The engine was restarted, and has lost the history.',
  trimmed: 'You were away for longer than the history lasts.',
  engine: 'The engine did not answer.',
  'no history': 'The channel keeps no history.',
  refused: 'The server has refused the subscription.',
};

const name = stored(localStorage, 'name', someName);
// The key identifies the person. Each tab has its own, so that two windows are two people who can talk to each other.
const key = stored(sessionStorage, 'key', newId);

const address = new URL(location.origin);
address.searchParams.set('key', key);
address.searchParams.set('name', name);

const { Primus } = /** @type {any} */ (globalThis);

/** @type {Client} */
const primus = new Primus(address.href, {
  // An open page never gives up.
  reconnect: { min: 500, max: 3000, retries: Infinity },
  pingTimeout: 6000,
});

/** @type {Lobby} */
const lobby = Primus.channels(primus).channel('lobby', { presence: true });

/** The messages that were typed, and that the channel has not delivered yet, by their id. @type {Map<string, string>} */
const waiting = new Map();

/** The node of this page, and what it says of the cluster. */
let here = '';
/** @type {readonly string[]} */
let alive = [];
/** All nodes that were ever seen. @type {Set<string>} */
const nodes = new Set();
/** @type {ReadonlyMap<string, Present>} */
let present = new Map();
/** The timers after which missing people have left. @type {Map<string, ReturnType<typeof setTimeout>>} */
const missing = new Map();
/** @type {Set<string>} */
const people = new Set();
/** The id of this person. */
let me = '';

const log = createLog(EVENTS);

const view = chat({
  name,
  say(text) {
    const id = newId();
    waiting.set(id, text);
    primus.write({ type: 'say', id, text });
    return { id, text };
  },
  rename(name) {
    localStorage.setItem('name', name);
    primus.url.searchParams.set('name', name);
    primus.write({ type: 'rename', name });
    // The others know what the node knew when this page subscribed.
    subscribe();
  },
});

let subscription = lobby.data$.subscribe(show);

function subscribe() {
  subscription.unsubscribe();
  subscription = lobby.data$.subscribe(show);
}

/** @param {Said} said */
function show(said) {
  waiting.delete(said.id);
  view.show(said);
}

lobby.recovery$.subscribe((recovery) => {
  switch (recovery.type) {
    case 'live':
      if (document.body.dataset.session === undefined) outcome('Live', 'What you miss is read from the history.');
      break;
    case 'recovered':
      document.body.dataset.session = 'resumed';
      log('good', `Recovered ${messages(recovery.count)}`);
      outcome(`Recovered ${messages(recovery.count)}`, 'Nothing is missing.');
      break;
    case 'gap':
      document.body.dataset.session = 'gap';
      log('bad', `Gap: ${recovery.reason}`);
      outcome(`Gap: ${recovery.reason}`, REASONS[recovery.reason]);
      break;
    default:
  }
});

lobby.presence$.subscribe((next) => {
  present = /** @type {ReadonlyMap<string, Present>} */ (next);
  showPeople();
  showNodes();
});

primus.data$.subscribe((message) => {
  switch (message.type) {
    case 'welcome':
      if (here !== message.node) log('good', `You are on ${message.node}`);
      here = message.node;
      me = message.who;
      view.iam(me);
      // It may have arrived before: the id says so, and the page shows it once.
      for (const [id, text] of waiting) primus.write({ type: 'say', id, text });
      break;
    case 'nodes':
      showState(message.state);
      for (const node of message.nodes) if (!alive.includes(node) && nodes.has(node)) log('good', `${node} is back`);
      for (const node of alive) if (!message.nodes.includes(node)) log('bad', `${node} is gone`);
      for (const node of message.nodes) nodes.add(node);
      alive = message.nodes;
      showNodes();
      break;
    case 'wave':
      log('good', `${message.name} waves from ${message.node}`);
      break;
    default:
  }
});

primus.state$.subscribe(({ name }) => {
  const isOpen = name === 'open';
  if (!isOpen && document.body.dataset.state === 'open') log('bad', 'Disconnected');
  document.body.dataset.state = name;
  view.connected(isOpen);
  for (const id of ['kill', 'wave']) element(id).ariaDisabled = String(!isOpen);
  showNodes();
});

primus.error$.subscribe((error) => log('bad', error.message));

press('kill', () => {
  log('bad', `You killed ${here}`);
  primus.write({ type: 'kill' });
});
press('wave', () => primus.write({ type: 'wave' }));

/** @param {string} state */
function showState(state) {
  if (document.body.dataset.engine !== state) log(state === 'up' ? 'good' : 'bad', `The engine is ${state}`);
  document.body.dataset.engine = state;
  element('engine').textContent = `engine ${state}`;
}

function showPeople() {
  const now = new Map([...present.values()].map(({ who, name }) => [who, { who, name }]));
  // Not known yet, or about to subscribe again.
  if (!now.has(me)) return;
  for (const who of people) {
    if (now.has(who) || missing.has(who)) continue;
    missing.set(
      who,
      setTimeout(() => {
        missing.delete(who);
        people.delete(who);
        view.left(who);
      }, GRACE),
    );
  }
  for (const who of now.keys()) {
    clearTimeout(missing.get(who));
    missing.delete(who);
    people.add(who);
  }
  view.people([...now.values()]);
}

function showNodes() {
  const isOpen = document.body.dataset.state === 'open';
  element('state').textContent = isOpen ? `On ${here}` : 'Disconnected';
  element('detail').textContent = isOpen ? `of ${alive.length} node${alive.length === 1 ? '' : 's'}` : 'Looking for a node';
  element('nodes').replaceChildren(
    ...[...nodes].sort().map((node) => {
      const item = document.createElement('li');
      item.dataset.node = node;
      item.classList.toggle('here', isOpen && node === here);
      item.classList.toggle('gone', !alive.includes(node));
      const title = document.createElement('b');
      title.textContent = node;
      const names = document.createElement('span');
      const those = [...present.values()].filter((each) => each.node === node).map(({ name }) => name);
      names.textContent = alive.includes(node) ? those.sort().join(', ') || 'empty' : 'gone';
      item.append(title, names);
      return item;
    }),
  );
}

/**
 * @param {string} title
 * @param {string} detail
 */
function outcome(title, detail) {
  element('outcome-title').textContent = title;
  element('outcome-detail').textContent = detail;
}
