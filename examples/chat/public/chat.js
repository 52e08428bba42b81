// The conversation: shows the messages it is given and reports what is typed. It knows nothing of the network.
import { hueOf, initials } from './me.js';
import { element } from './page.js';

/**
 * @typedef {import('../messages.js').Said} Said
 * @typedef {import('../messages.js').Person} Person
 */

/** How many messages the page keeps. */
const KEPT = 500;

/** Whether the page has room for a few faces only. */
const narrow = matchMedia('(max-width: 1000px)');

/** The longest time between two messages of one group, in ms. */
const GROUP = 120_000;

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/**
 * @param {object} options
 * @param {string} options.name
 * @param {(text: string) => { id: string; text: string }} options.say
 * @param {(name: string) => void} options.rename
 */
export function chat({ name, say, rename }) {
  const scroll = element('scroll');
  const messages = element('messages');
  const pending = element('pending');
  const newer = element('newer');
  const form = /** @type {HTMLFormElement} */ (element('composer'));
  const text = /** @type {HTMLTextAreaElement} */ (element('text'));
  const nameField = /** @type {HTMLInputElement} */ (element('name'));

  let me = '';
  /** The names of the people in the room, so that no person is announced twice. @type {Map<string, string>} */
  const known = new Map();
  let listed = false;
  /** The messages that are shown, by their key. @type {Map<string, HTMLElement>} */
  const shown = new Map();
  /** The messages that were typed and have not returned yet, by their id. @type {Map<string, HTMLElement>} */
  const waiting = new Map();

  nameField.value = name;
  resizeName();

  // Input

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const words = text.value.trim();
    if (words === '') return;
    text.value = '';
    resizeText();
    const message = say(words);
    const item = bubble({ ...message, name: '', mine: true });
    item.dataset.pending = '';
    const mark = document.createElement('span');
    mark.className = 'mark-pending';
    mark.append(clock(), 'waiting');
    item.querySelector('.row')?.prepend(mark);
    waiting.set(message.id, item);
    pending.append(item);
    element('empty').hidden = true;
    toEnd();
  });

  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  text.addEventListener('input', resizeText);

  element('me').addEventListener('submit', (event) => {
    event.preventDefault();
    nameField.blur();
  });
  nameField.addEventListener('input', resizeName);
  nameField.addEventListener('focus', () => nameField.select());
  nameField.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    nameField.value = name;
    nameField.blur();
  });
  nameField.addEventListener('blur', () => {
    const next = nameField.value.trim().replace(/\s+/g, ' ') || name;
    nameField.value = next;
    resizeName();
    if (next === name) return;
    name = next;
    rename(next);
  });

  newer.addEventListener('click', toEnd);
  scroll.addEventListener('scroll', () => {
    if (atEnd()) newer.hidden = true;
  });
  // On a phone the keyboard takes half of the page.
  new ResizeObserver(() => {
    if (newer.hidden) toEnd();
  }).observe(scroll);

  // Output

  return {
    /** @param {string} who */
    iam(who) {
      me = who;
    },

    /**
     * Shows a message at its position, once.
     * @param {Said} said
     */
    show(said) {
      const mine = said.who === me;
      const key = `${said.who} ${said.id}`;
      if (shown.has(key)) return;
      const follow = atEnd();
      const item = bubble({ ...said, mine });
      if (mine) {
        const before = waiting.get(said.id);
        if (before) item.dataset.settled = '';
        before?.remove();
        waiting.delete(said.id);
      }
      shown.set(key, item);
      place(item, said.at);
      followed(follow);
    },

    /**
     * Announces that a person left.
     * @param {string} who
     */
    left(who) {
      const name = known.get(who);
      known.delete(who);
      if (name !== undefined) notice(name, 'left');
    },

    /**
     * Shows the people in the room. The first list has those who were here before us, who are not announced. A person who is
     * missing in a later list has not left: after a restart of the server, people reconnect one after the other.
     * @param {readonly Person[]} people
     */
    people(people) {
      for (const { who, name } of people) {
        if (listed && !known.has(who)) notice(name, 'joined');
        known.set(who, name);
      }
      listed = true;
      const others = people.filter(({ who }) => who !== me);
      const mine = people.filter(({ who }) => who === me);
      element('count').textContent = people.length === 1 ? 'Only you, so far' : `${people.length} people here`;
      const faces = [...mine, ...others].slice(0, narrow.matches ? 3 : 5).map((person) => {
        const item = document.createElement('li');
        item.append(face(person));
        item.title = person.who === me ? `${person.name} (you)` : person.name;
        item.append(hidden(item.title));
        return item;
      });
      if (people.length > faces.length) {
        const rest = document.createElement('li');
        rest.className = 'rest';
        rest.textContent = `+${people.length - faces.length}`;
        faces.push(rest);
      }
      element('people').replaceChildren(...faces);
    },

    /** @param {boolean} open */
    connected(open) {
      text.placeholder = open ? 'Write a message' : 'Will be sent after reconnecting';
    },
  };

  // Helpers

  /**
   * Puts an item at its position, `at`. Messages arrive in order, except those that were sent again.
   * @param {HTMLElement} item
   * @param {number} at
   */
  function place(item, at) {
    item.dataset.at = String(at);
    let after = messages.lastElementChild;
    while (after && Number(/** @type {HTMLElement} */ (after).dataset.at) > at) after = after.previousElementSibling;
    if (after) after.after(item);
    else messages.prepend(item);
    group(item);
    if (item.nextElementSibling) group(item.nextElementSibling);
    while (messages.childElementCount > KEPT) messages.firstElementChild?.remove();
    element('empty').hidden = true;
  }

  /**
   * @param {string} name
   * @param {string} what
   */
  function notice(name, what) {
    const item = document.createElement('li');
    item.className = 'notice';
    item.append(isolated(name), ` ${what}`);
    const follow = atEnd();
    const last = /** @type {HTMLElement | null} */ (messages.lastElementChild);
    place(item, Number(last?.dataset.at ?? 0));
    followed(follow);
  }

  /** Marks the first message of a group, which shows a name and a picture. @param {Element} element */
  function group(element) {
    const item = /** @type {HTMLElement} */ (element);
    const before = /** @type {HTMLElement | null} */ (item.previousElementSibling);
    const joins = before !== null && item.dataset.who !== undefined && before.dataset.who === item.dataset.who;
    const soon = joins && Number(item.dataset.at) - Number(before.dataset.at) < GROUP && before.dataset.name === item.dataset.name;
    item.classList.toggle('first', !soon);
  }

  function atEnd() {
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
  }

  function toEnd() {
    newer.hidden = true;
    scroll.scrollTop = scroll.scrollHeight;
  }

  /** @param {boolean} follow */
  function followed(follow) {
    if (follow) toEnd();
    else newer.hidden = false;
  }

  function resizeText() {
    text.style.height = 'auto';
    text.style.height = `${text.scrollHeight}px`;
  }

  function resizeName() {
    nameField.size = Math.max(6, [...nameField.value].length);
  }
}

/**
 * A message. The first of a group shows its author and time.
 * @param {{ who?: string; name: string; text: string; at?: number; mine: boolean }} message
 */
function bubble({ who = '', name, text, at, mine }) {
  const item = document.createElement('li');
  item.className = mine ? 'message mine' : 'message';
  if (who) item.dataset.who = who;
  item.dataset.name = name;
  const head = document.createElement('p');
  head.className = 'head';
  if (!mine) {
    const author = isolated(name);
    author.className = 'author';
    author.style.setProperty('--hue', String(hueOf(who)));
    head.append(author);
    item.append(face({ who, name }));
  }
  if (at !== undefined) {
    const stamp = document.createElement('time');
    stamp.dateTime = new Date(at).toISOString();
    stamp.textContent = time.format(at);
    item.title = stamp.textContent;
    head.append(stamp);
  }
  const words = document.createElement('p');
  words.className = 'words';
  words.dir = 'auto';
  words.textContent = text;
  const row = document.createElement('div');
  row.className = 'row';
  if (mine) row.append(hidden('You: '));
  row.append(words);
  const body = document.createElement('div');
  body.className = 'body';
  body.append(head, row);
  item.append(body);
  return item;
}

/** @param {Person} person */
function face({ who, name }) {
  const face = document.createElement('span');
  face.className = 'face';
  face.ariaHidden = 'true';
  face.style.setProperty('--hue', String(hueOf(who)));
  face.textContent = initials(name);
  return face;
}

/** Another person's text within our sentence, which keeps its own direction. @param {string} text */
function isolated(text) {
  const bdi = document.createElement('bdi');
  bdi.textContent = text;
  return bdi;
}

/** Text for screen readers only. @param {string} text */
function hidden(text) {
  const span = document.createElement('span');
  span.className = 'hidden';
  span.textContent = text;
  return span;
}

function clock() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('width', '12');
  svg.setAttribute('height', '12');
  svg.setAttribute('aria-hidden', 'true');
  const circle = document.createElementNS(svg.namespaceURI, 'circle');
  circle.setAttribute('cx', '8');
  circle.setAttribute('cy', '8');
  circle.setAttribute('r', '6');
  const hands = document.createElementNS(svg.namespaceURI, 'path');
  hands.setAttribute('d', 'M8 4.8V8l2.2 1.5');
  svg.append(circle, hands);
  return svg;
}
