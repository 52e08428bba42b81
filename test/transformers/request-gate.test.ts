import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RequestGate } from '../../transformers/shared/server/request-gate.js';

const answer = () => new ServerResponse(new IncomingMessage(new Socket()));

describe('RequestGate', () => {
  it('passes requests while it is open, and those that wait, in order, once it opens', () => {
    const gate = new RequestGate();
    const passed: number[] = [];
    gate.pass(answer(), () => passed.push(1));
    gate.shut = true;
    for (const number of [2, 3]) gate.pass(answer(), () => passed.push(number));
    expect(passed).toEqual([1]);
    gate.open();
    gate.pass(answer(), () => passed.push(4));
    expect(passed).toEqual([1, 2, 3, 4]);
    gate.open();
    expect(passed).toHaveLength(4);
  });

  it('forgets a request that its client aborts', () => {
    const gate = new RequestGate();
    gate.shut = true;
    const passed: string[] = [];
    const left = answer();
    gate.pass(left, () => passed.push('left'));
    gate.pass(answer(), () => passed.push('stays'));
    left.emit('close');
    gate.open();
    expect(passed).toEqual(['stays']);
  });
});
