import { Observable } from 'rxjs';
import { expect, it } from 'vitest';
import { configure } from '../../client/primus.js';
import { resumable } from '../../client/resume.js';
import { assume } from '../../src/core/configuration.js';
import { dropped } from '../../src/core/errors.js';
import type { Link, LinkObserver } from '../../src/core/link.js';
import { json } from '../../src/parsers/json.js';
import { Clock } from '../support/clock.js';

/** A link whose server is the test. */
class HandmadeLink implements Link {
  readonly sent: string[] = [];
  readonly bufferedAmount = 0;
  readonly socket = null;
  observer: Partial<LinkObserver> = {};

  subscribe(observer: Partial<LinkObserver>) {
    this.observer = observer;
    return { unsubscribe() {} };
  }

  send(frame: unknown): void {
    this.sent.push(JSON.parse(String(frame)));
  }

  receive(...messages: unknown[]): void {
    for (const message of messages) this.observer.next?.(JSON.stringify(message));
  }

  close(): void {}
  destroy(): void {}
}

it('acknowledges nothing on a link that has not resumed the session: the server would take that for the proof of the new token', () => {
  const clock = new Clock();
  const links: HandmadeLink[] = [];
  const Client = configure(
    {
      transformer: {
        connect: () =>
          new Observable((subscriber) => {
            const link = new HandmadeLink();
            links.push(link);
            subscriber.next(link);
          }),
      },
      parser: json,
      platform: { scheduler: clock, random: () => 0, origin: 'http://world' } as never,
      session: resumable,
    },
    assume({}),
  );
  const client = new Client('http://world', { manual: true, resume: true, reconnect: { min: 500, max: 500 }, network: false });
  client.open();
  links[0]?.receive('primus::server::session::1.epoch.first', 'a message');
  clock.advance(200);
  links[0]?.observer.error?.(dropped());
  clock.advance(600);
  const [, link] = links;
  link?.receive('primus::server::resume?');
  // The time at which the message should be acknowledged.
  clock.advance(1_000);
  expect(link?.sent).toEqual(['primus::id::', 'primus::resume::first.1.0.0']);
  link?.receive('primus::server::resumed::0.second.0');
  expect(link?.sent.at(-1)).toBe('primus::ack::1');
  client.destroy();
});
