// Compiled, not run: the types of every entry, where none of the frameworks is installed.
export * as primus from 'primus-rx';
export * as client from 'primus-rx/client';
export * as contract from 'primus-rx/contract';
export * as operators from 'primus-rx/operators';
export * as ejson from 'primus-rx/parsers/ejson';
export * as request from 'primus-rx/request';
export * as browserchannel from 'primus-rx/transformers/browserchannel';
export * as engineIO from 'primus-rx/transformers/engine.io';
export * as faye from 'primus-rx/transformers/faye';
export * as memory from 'primus-rx/transformers/memory';
export * as socketIO from 'primus-rx/transformers/socket.io';
export * as sockjs from 'primus-rx/transformers/sockjs';
export * as uws from 'primus-rx/transformers/uws';
export * as websockets from 'primus-rx/transformers/websockets';
