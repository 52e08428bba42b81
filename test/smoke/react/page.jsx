import { createElement, StrictMode } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { App, Boundary, Values, values$ } from './app.jsx';

const tree = (url) => createElement(StrictMode, {}, createElement(App, { url }), createElement(Boundary, {}, createElement(Values)));

globalThis.values$ = values$;
globalThis.mount = (url) => {
  globalThis.root = createRoot(document.getElementById('root'));
  globalThis.root.render(tree(url));
};
globalThis.hydrate = (html, url) => {
  document.getElementById('root').innerHTML = html;
  globalThis.root = hydrateRoot(document.getElementById('root'), tree(url), {
    onRecoverableError: (error) => console.error(error),
  });
};
