import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Gate } from '../../transformers/shared/server/body.js';

const answer = () => new ServerResponse(new IncomingMessage(new Socket()));

describe('a gate', () => {
  it('lets requests pass while it is open, and those that wait once it is, in order', () => {
    const gate = new Gate();
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

  it('keeps nothing of a request that is given up', () => {
    const gate = new Gate();
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
