import { type ClientState, Primus } from 'primus-rx/client';
import { useData, useObservable, usePrimus, usePrimusState } from 'primus-rx/react';
import { StrictMode } from 'react';
import { of } from 'rxjs';

function Price({ client }: { client: Primus<{ price: number }, string> | undefined }) {
  const state: ClientState = usePrimusState(client);
  const last: { price: number } | null = useData(client, null);
  const count: number = useObservable(of(1), 0);
  // @ts-expect-error the initial value is a part of the type
  const wrong: { price: number } = useData(client, null);
  // @ts-expect-error not an Observable
  useObservable([1], 0);
  return <p title={state.name}>{last?.price ?? count ?? String(wrong)}</p>;
}

export function App() {
  const client = usePrimus(() => new Primus<{ price: number }, string>('https://example.com'));
  client?.write('hello');
  // @ts-expect-error there is none before the component is mounted
  client.write('hello');
  // @ts-expect-error no client
  usePrimus(() => 'text');
  return (
    <StrictMode>
      <Price client={client} />
    </StrictMode>
  );
}
