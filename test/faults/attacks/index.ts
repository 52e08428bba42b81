import type { Attack } from './attacker.js';
import { BINARY_STRUCTURES } from './binary-structures.js';
import { allowedBombs, manyBombs, nestedBomb, oneBomb } from './bombs.js';
import { handshakes, idleConnections, sessions } from './connections.js';
import { largeFlood, messageFlood, postFlood, slowTransformer } from './messages.js';
import { deadListener, pollingPreOpen, slowListener, smallPreOpen } from './pre-open.js';
import { absentPolls, slowPolls, slowReaders } from './slow-readers.js';
import { postedStructure, STRUCTURES, structure } from './structures.js';
import { emptyFragments, tinyFragments } from './tiny-fragments.js';
import { foreignPath, halfBodies, halfRequests, heldAuthorization } from './unanswered.js';
import { unfinishedFrames, unfinishedMessages, unfinishedPosts } from './unfinished.js';
import { idQuestions, pings, unreadEchoes, unreadLibrary, unreadRejections, unreadSpec } from './unread-answers.js';

/** All attacks, in the order of the scenarios. */
export const ATTACKS: readonly Attack[] = [
  slowReaders,
  slowPolls,
  absentPolls,
  oneBomb,
  manyBombs,
  nestedBomb,
  allowedBombs,
  emptyFragments,
  tinyFragments,
  unfinishedFrames,
  unfinishedMessages,
  unfinishedPosts,
  pings,
  idQuestions,
  unreadEchoes,
  slowListener,
  deadListener,
  smallPreOpen,
  pollingPreOpen,
  heldAuthorization,
  foreignPath,
  halfRequests,
  halfBodies,
  handshakes,
  idleConnections,
  sessions,
  ...Object.keys(STRUCTURES).map((name) => structure(name)),
  ...['nested arrays', '600,000 keys'].map((name) => postedStructure(name)),
  ...BINARY_STRUCTURES,
  unreadLibrary,
  unreadSpec,
  unreadRejections,
  slowTransformer,
  messageFlood,
  largeFlood,
  postFlood,
];
