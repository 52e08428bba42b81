import { createElement, StrictMode } from 'react';
import { renderToString } from 'react-dom/server';
import { App, Boundary, Values } from './app.jsx';

const html = renderToString(
  createElement(StrictMode, {}, createElement(App, { url: process.argv[2] }), createElement(Boundary, {}, createElement(Values))),
);
process.stdout.write(html);
