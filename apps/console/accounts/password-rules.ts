import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import * as common from '@zxcvbn-ts/language-common';
import { ApiProblem } from '../api/problem.ts';

/** No other rule of which characters or when to change: those make passwords worse (NIST SP 800-63B, ASVS 6.2). */
const leastLength = 12;
/** Of 0 to 4: what takes more than 10^8 guesses of somebody who knows how people choose. */
const leastScore = 3;
/** What whoever guesses tries first. */
const ownWords = ['wafer', 'wafersession', 'session', 'console', 'wechat', 'weixin', 'miniprogram'];

const estimator = new ZxcvbnFactory({ dictionary: { ...common.dictionary }, graphs: common.adjacencyGraphs });

/** @throws {ApiProblem} password_weak, with the reason */
export function refuseWeakPassword(password: string, name: string): void {
  const reason = findWeakness(password, name);
  if (reason !== undefined) throw new ApiProblem(400, 'password_weak', reason);
}

function findWeakness(password: string, name: string): string | undefined {
  if (Array.from(password).length < leastLength) return `A password has ${leastLength} characters at least.`;
  const { score } = estimator.check(password, [...ownWords, name, ...name.split(/[^a-z0-9]+/)]);
  return score < leastScore
    ? 'This password is guessed too soon: it is common, or made of words, names, dates or rows of keys. Some words that have nothing to do with each other are better.'
    : undefined;
}
