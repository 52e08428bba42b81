// What the pages of the examples have in common.

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** @param {string} id */
export function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Handles clicks on a button. A disabled one stays in the page and keeps the focus, as it may be enabled again in a second.
 * @param {string} id
 * @param {() => void} action
 */
export function press(id, action) {
  element(id).addEventListener('click', () => {
    if (element(id).ariaDisabled !== 'true') action();
  });
}

/** @param {number} count */
export function messages(count) {
  return `${count} message${count === 1 ? '' : 's'}`;
}

/**
 * Returns a function that adds an event to the log of the page, which keeps the last ones.
 * @param {number} most
 */
export function createLog(most) {
  /**
   * @param {'good' | 'wait' | 'bad'} kind
   * @param {string} text
   */
  return (kind, text) => {
    const list = element('log');
    const item = document.createElement('li');
    item.className = kind;
    const at = document.createElement('time');
    at.textContent = clock.format(Date.now());
    const words = document.createElement('span');
    words.textContent = text;
    item.append(at, words);
    list.prepend(item);
    while (list.childElementCount > most) list.lastElementChild?.remove();
  };
}
