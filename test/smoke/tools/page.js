// The page that Vite serves and builds.
import { Primus } from 'primus-rx/client';
import { msgpack } from 'primus-rx/parsers/msgpack';

globalThis.Primus = Primus;
globalThis.msgpack = msgpack;
