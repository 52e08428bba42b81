import { mount, unmount } from 'svelte';
import Live from './Live.svelte';

export function mountSvelte(client) {
  const component = mount(Live, { target: document.querySelector('app-live'), props: { client } });
  return () => unmount(component);
}
