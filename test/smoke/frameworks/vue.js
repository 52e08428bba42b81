import { createApp, h, onScopeDispose, shallowRef } from 'vue';

/** Returns the last value of an Observable as a ref. Call it in `setup`. */
export function useObservable(source$, initial) {
  const value = shallowRef(initial);
  const subscription = source$.subscribe((next) => {
    value.value = next;
  });
  onScopeDispose(() => subscription.unsubscribe());
  return value;
}

export function mountVue(client) {
  const Live = {
    setup() {
      const state = useObservable(client.state$, client.state);
      const last = useObservable(client.data$, 'nothing');
      return () => h('p', `${state.value.name}, last ${last.value}`);
    },
  };
  const application = createApp(Live);
  application.mount('app-live');
  return () => application.unmount();
}
