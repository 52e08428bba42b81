import { Primus } from 'primus-rx/client';

Object.assign(globalThis, { Primus });
