import { Primus } from 'primus-rx/client';
import { interactive } from 'primus-rx/operators';
import { useData, usePrimus, usePrimusState } from 'primus-rx/react';
import { items, type Vote, type Votes } from './messages.js';

const none: Votes = {};

export function App({ url }: { url: string }) {
  const client = usePrimus(() => new Primus<Votes, Vote>(url, { reconnect: interactive() }), [url]);
  const { name } = usePrimusState(client);
  const votes = useData(client, none);
  return (
    <main>
      <p role="status">{name === 'open' ? 'connected' : 'connecting …'}</p>
      {items.map((item) => (
        // A vote without a connection waits for the next one.
        <button key={item} type="button" onClick={() => client?.write({ vote: item })}>
          {item}: {votes[item] ?? 0}
        </button>
      ))}
    </main>
  );
}
