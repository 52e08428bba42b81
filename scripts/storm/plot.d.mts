import type { Storm } from './simulate.mjs';

export function plot(results: Readonly<Record<string, Storm>>): string;
