// The conversation. Nothing here knows that there is a network: it is told what to show, and tells what was typed.
import { hueOf, initials } from './me.js';

/**
 * @typedef {import('../messages.js').Said} Said
 * @typedef {import('../messages.js').Person} Person
 */

/** So many messages stay in the page. */
const KEPT = 500;

/** Where there is room for few faces. */
const narrow = matchMedia('(max-width: 1000px)');

/** Messages of one person within so many ms are one group. */
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
  /** Who is here, or was when we last knew: nobody is announced twice. @type {Map<string, string>} */
  const known = new Map();
  let listed = false;
  /** What is shown, by its key. @type {Map<string, HTMLElement>} */
  const shown = new Map();
  /** What was typed and did not come back yet, by its id. @type {Map<string, HTMLElement>} */
  const waiting = new Map();

  nameField.value = name;
  resizeName();

  // What was typed.

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

  // What is told.

  return {
    /** @param {string} who */
    iam(who) {
      me = who;
    },

    /**
     * Shows a message in its place, once; whether it is ours.
     * @param {Said} said
     */
    show(said) {
      const mine = said.who === me;
      const key = `${said.who} ${said.id}`;
      if (shown.has(key)) return mine;
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
      return mine;
    },

    /**
     * Who has not come back in time has left.
     * @param {string} who
     */
    went(who) {
      const name = known.get(who);
      known.delete(who);
      if (name !== undefined) notice(name, 'left');
    },

    /**
     * The first list is who was here before us. Nobody has left who is missing in a later one: when a server starts
     * again, people come back one after the other.
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
      text.placeholder = open ? 'Write a message' : 'Will be sent when the line is back';
    },
  };

  // How.

  /**
   * Things come in their order, but for what is told late; `at` is their place.
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

  /** The first of a group has a name and a picture. @param {Element} element */
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
 * A message. The first of a group shows its head: who said it, and when.
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

/** Somebody else's text in our sentence: its direction must not become ours. @param {string} text */
function isolated(text) {
  const bdi = document.createElement('bdi');
  bdi.textContent = text;
  return bdi;
}

/** For those who listen instead of looking. @param {string} text */
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

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
