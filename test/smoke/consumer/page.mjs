// What esbuild bundles for the page.
import { Primus } from 'primus-rx/client';

globalThis.Primus = Primus;
