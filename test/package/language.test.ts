import { describe, expect, it } from 'vitest';
import { check } from '../../scripts/language.mjs';

const hits = (source: string, path = 'src/page.ts') => check(path, source).map(({ line, word }) => `${line} ${word}`);

describe('the list of words that are not used', () => {
  it.each([
    ['// A dead line is noticed late.', '1 line'],
    ["throw new Error('The peer does not read: 5 bytes');", '1 peer does not read'],
    ["it('lets nobody in who left', () => {});", '1 lets nobody in', '1 nobody'],
    ['/** Clients come back\n * after a wait. */', '1 come back'],
    ['/** Whoever comes\n * is turned\n * away. */', '1 Whoever', '1 Whoever comes', '2 turned away'],
    ['const lineOf = this.#cut(link);', '1 lineOf', '1 cut'],
    ["import { pace } from './pace.js';", '1 pace', '1 pace'],
    [`const message = \`The \${kind} must be a text or \${other.text}\`;`, '1 a text'],
    ['/** What a request may carry. */', '1 What a request may c'],
    ['a = /["\'`]/;\n// It holds\n// messages back.', '2 holds messages back'],
  ])('finds the words in %j', (source, ...found) => {
    expect(hits(source)).toEqual(found);
  });

  it.each([
    ["import { createInterface } from 'node:readline';\nwindow.addEventListener('online', onLine);"],
    ['// Ends with CRLF, a line break; see line 12.'],
    ["response.setHeader('content-type', 'text/javascript');"],
    ['element.textContent = await response.text(); // As text of a page, in a text frame; the text is a message.'],
    ['// The laws hold for both.'],
    ['this.network.cut(); // Call `network.cut()`.'],
    ['// Told apart by their name; tells a close from a loss.'],
    ['// A peer dependency. Its lifecycle ends with close().'],
    ['/** Returns what is left. */'],
    ["const textOf = (message) => message.text + 'text';"],
  ])('finds nothing in %j', (source) => {
    expect(hits(source)).toEqual([]);
  });

  it('reads the prose and the headings of a page, and its programs as programs', () => {
    const page = '# The end\n\nServers `cut()` and\nhang **up**.\n\n```js\n// somebody\nconst told = 1;\n```\n\n```sh\ncut -c1\n```\n';
    expect(hits(page, 'docs/page.md')).toEqual(['1 The end', '3 cut', '4 hang up', '7 somebody', '8 told']);
  });

  it('reads what a page shows, the comments of styles and settings, and their names', () => {
    expect(hits('<p class="line" title="Cut the line">Nobody</p>', 'a.html')).toEqual(['1 line', '1 Cut', '1 line', '1 Nobody']);
    expect(hits('/* a line */\n.line { line-height: 1 }', 'a.css')).toEqual(['1 line', '2 .line']);
    expect(hits('upstream cut; # hang up', 'nginx.conf')).toEqual(['1 hang up']);
  });

  it('reads the names of files', () => {
    expect(hits('', 'examples/pace.ts')).toEqual(['1 pace.ts']);
  });
});
