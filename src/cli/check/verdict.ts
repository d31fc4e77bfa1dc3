/** What a rule says of a server. */
import type { Findings } from './findings.js';
import type { Settings } from './settings.js';

export type Verdict =
  /** `evidence`: what was compared, so that a pass over nothing can be told from a pass over much. */
  | { readonly verdict: 'pass'; readonly evidence: string }
  /** `harm`: one sentence that says what will go wrong for users. */
  | { readonly verdict: 'fail'; readonly evidence: string; readonly harm: string }
  /** `evidence`: what is missing for a judgement. */
  | { readonly verdict: 'not checkable'; readonly evidence: string };

export interface Rule {
  readonly id: string;
  /** What holds of a server that passes. */
  readonly title: string;
  /** What goes wrong for users where it does not hold. */
  readonly harm: string;
  /**
   * Looks at what was found. Returns the evidence of a pass.
   *
   * @throws Broken with the evidence of a failure; Missing where there is nothing to judge by.
   */
  readonly judge: (found: Findings, settings: Settings) => string;
}

/** The rule does not hold. */
export class Broken extends Error {
  constructor(
    evidence: string,
    /** In place of the rule's own, where the evidence shows more. */
    readonly harm?: string,
  ) {
    super(evidence);
  }
}

/** Nothing was found that the rule could be judged by. */
export class Missing extends Error {}

export function judge(rule: Rule, found: Findings, settings: Settings): Verdict {
  try {
    return { verdict: 'pass', evidence: rule.judge(found, settings) };
  } catch (error) {
    if (error instanceof Missing) return { verdict: 'not checkable', evidence: error.message };
    if (!(error instanceof Broken)) throw error;
    return { verdict: 'fail', evidence: error.message, harm: error.harm ?? rule.harm };
  }
}
