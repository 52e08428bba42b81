// An application of React that uses the hooks, in a page and on a server.
import { Primus } from 'primus-rx/client';
import { useData, useObservable, usePrimus, usePrimusState } from 'primus-rx/react';
import { Component, createElement, useMemo } from 'react';
import { Subject, scan } from 'rxjs';

export const values$ = new Subject();

export function App({ url }) {
  const client = usePrimus(() => new Primus(url, { reconnect: { min: 10, max: 50 } }), [url]);
  const { name } = usePrimusState(client);
  const last = useData(client, 'nothing');
  const all$ = useMemo(() => client?.data$.pipe(scan((all, message) => [...all, message], [])), [client]);
  const all = useObservable(all$, []);
  globalThis.client = client;
  return createElement('p', {}, `${name}, last ${last}, all ${all.join(' ')}`);
}

export function Values() {
  globalThis.renders = (globalThis.renders ?? 0) + 1;
  return createElement('i', {}, `${useObservable(values$, 'none')}`);
}

export class Boundary extends Component {
  state = {};
  static getDerivedStateFromError(error) {
    return { error };
  }
  render() {
    return this.state.error ? createElement('b', {}, this.state.error.message) : this.props.children;
  }
}
