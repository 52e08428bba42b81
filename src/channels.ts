export type { ChannelGap } from './core/channel-words.js';
