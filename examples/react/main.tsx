import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.js';

const url = new URLSearchParams(location.search).get('server') ?? 'http://localhost:8080';

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App url={url} />
  </StrictMode>,
);
