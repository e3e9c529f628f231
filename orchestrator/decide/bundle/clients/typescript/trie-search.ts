/** Words of a lexicon, ranked by a transducer: a beam search over prefixes, with all of them in one call of the step. */

import type { DecoderSpec } from "./contract.js";
import type { Decoder, Heard } from "./decoder.js";
import type { Lexicon, Position } from "./lexicon.js";
import type { Touch } from "./touch.js";
import { added, type Asked, type States, type Step } from "./transducer.js";

// What is this many nats less likely is not worth a row of the step graph: one part in a million.
const WORTH_NATS = 14;
const TOLD_WORDS = 8;

interface Prefix extends Asked {
  at: Position;
  length: number;
  /** Prior of the best word that it can become, weighted. */
  worth: number;
  /** Of all alignments up to a frame. */
  logP: number;
  /** Log probability of the blank in this frame. */
  stay: number;
  /** Letters that may follow in this frame, with their log probabilities, best first. */
  grow: [number, number][];
  after: States;
}

/** What a prefix is ranked by: what it has, and the best that it can still become. */
function valueOf(prefix: Prefix): number {
  return prefix.logP + prefix.worth;
}

/** One word for each trace, told when the finger was lifted. Only prefixes of words are followed. */
export class TrieSearch implements Decoder {
  ended = false;
  private frame = 0;
  private beam: Prefix[] = [];
  private nextLexicon: Lexicon;

  constructor(
    private readonly spec: DecoderSpec,
    private readonly step: Step,
    private lexicon: Lexicon,
    private readonly touch: Touch,
  ) {
    this.nextLexicon = lexicon;
    this.begin();
  }

  /** From the next trace on: a word that is being swiped stays in the list with which it began. */
  use(lexicon: Lexicon): void {
    this.nextLexicon = lexicon;
    if (this.touch.phase !== "down") this.begin();
  }

  private begin(): void {
    this.lexicon = this.nextLexicon;
    const root = this.prefix(this.lexicon.start, 0, this.spec.blank, this.step.fresh());
    this.beam = [{ ...root, logP: 0 }];
  }

  async push(rows: Float32Array[]): Promise<Heard[]> {
    if (this.touch.phase !== "idle") for (const row of rows) this.beam = await this.afterFrame(row);
    this.frame += rows.length;
    this.ended = this.touch.phase !== "down";
    return this.ended ? this.finish() : [];
  }

  /** A trace that is not over yet is taken as if it were. */
  finish(): Heard[] {
    const told = this.told();
    this.begin();
    return told;
  }

  private told(): Heard[] {
    if (this.beam.length === 1 && this.beam[0].length === 0) return [];
    const scored = this.beam
      .map(({ at, logP }) => ({ at, score: logP + this.spec.prior_weight * this.lexicon.logP(at) }))
      .filter(({ score }) => score > -Infinity)
      .sort((a, b) => b.score - a.score || a.at - b.at);
    const shares = scored.map(({ score }) => Math.exp(score - scored[0].score));
    const sum = shares.reduce((a, b) => a + b, 0);
    const words = scored.map(({ at }, n): [string, number] => [this.lexicon.spelling(at), shares[n] / sum]);
    if (words.length === 0) return [];
    const [label, score] = words[0];
    return [{ label, frame: Math.max(0, this.frame - 1), score, words: words.slice(0, TOLD_WORDS) }];
  }

  /**
   * In a frame a prefix may stay, or grow letter by letter: what grows is asked too, as long as it could still be among
   * the best. How likely a prefix is before it stays is known when all that may grow into it are.
   */
  private async afterFrame(row: Float32Array): Promise<Prefix[]> {
    const asked = new Map(this.beam.map((prefix) => [prefix.at, prefix]));
    const entered = new Map(this.beam.map((prefix) => [prefix.at, prefix.logP]));
    for (let fresh = this.beam; fresh.length > 0; ) {
      await this.ask(fresh, row);
      fresh = this.promising(asked, entered);
      for (const prefix of fresh) asked.set(prefix.at, prefix);
    }
    for (const prefix of asked.values()) prefix.logP += prefix.stay;
    const best = [...asked.values()].sort((a, b) => valueOf(b) - valueOf(a)).slice(0, this.spec.beam);
    const worth = best.filter((prefix) => valueOf(prefix) >= valueOf(best[0]) - WORTH_NATS);
    return worth.length > 0 ? worth : best.slice(0, 1);
  }

  /**
   * Sets each prefix's `logP` before it stays, shorter ones first. The log probabilities of all that were reached, and
   * the parent and letter of those not asked yet.
   */
  private flow(asked: Map<Position, Prefix>, entered: Map<Position, number>) {
    const total = new Map(entered);
    const unasked = new Map<Position, { parent: Prefix; label: number }>();
    for (const prefix of [...asked.values()].sort((a, b) => a.length - b.length)) {
      prefix.logP = total.get(prefix.at)!;
      for (const [label, logP] of prefix.grow) {
        const longer = this.lexicon.child(prefix.at, label);
        const known = total.get(longer);
        const reached = prefix.logP + logP;
        total.set(longer, known === undefined ? reached : added(known, reached));
        if (!asked.has(longer)) unasked.set(longer, { parent: prefix, label });
      }
    }
    return { total, unasked };
  }

  /**
   * New prefixes that may be among the best after this frame: one can only lose by staying, so it must be better now
   * than the beam's last is after that.
   */
  private promising(asked: Map<Position, Prefix>, entered: Map<Position, number>): Prefix[] {
    const { beam: width, prior_weight: weight } = this.spec;
    const { total, unasked } = this.flow(asked, entered);
    const stayed = [...asked.values()].map((prefix) => valueOf(prefix) + prefix.stay).sort((a, b) => b - a);
    const least = Math.max(stayed[0] - WORTH_NATS, stayed[width - 1] ?? -Infinity);
    return [...unasked]
      .map(([at, from]) => ({ at, ...from, value: total.get(at)! + weight * this.lexicon.best(at) }))
      .filter(({ value }) => value > least)
      .sort((a, b) => b.value - a.value || a.at - b.at)
      .slice(0, width)
      .map(({ at, parent, label }) => this.prefix(at, parent.length + 1, label, parent.after));
  }

  private prefix(at: Position, length: number, token: number, states: States): Prefix {
    const worth = this.spec.prior_weight * this.lexicon.best(at);
    return { at, length, token, states, worth, logP: -Infinity, stay: 0, grow: [], after: states };
  }

  /** Sets what each prefix may do in this frame, and the states after its token. */
  private async ask(prefixes: Prefix[], row: Float32Array): Promise<void> {
    const answers = await this.step.ask(prefixes, row);
    prefixes.forEach((prefix, n) => {
      const { logP, after } = answers[n];
      const following = prefix.length < this.spec.max_symbols ? this.lexicon.children(prefix.at) : [];
      const letters = following.map((label): [number, number] => [label, logP[label]]);
      const best = letters.sort((a, b) => b[1] - a[1]).slice(0, this.spec.prune);
      prefix.grow = best.filter(([, value]) => value > -WORTH_NATS);
      [prefix.stay, prefix.after] = [logP[this.spec.blank], after];
    });
  }
}
