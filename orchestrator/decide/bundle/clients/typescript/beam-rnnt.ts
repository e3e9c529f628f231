/** Beam search over a transducer, frame by frame. */

import type { DecoderSpec } from "./contract.js";
import type { Decoder, Heard } from "./decoder.js";
import { added, type Answer, type Asked, type Step } from "./transducer.js";

/** `symbols`: labels and their probabilities since the last that all hypotheses share. */
interface Hypothesis extends Asked {
  logP: number;
  symbols: [number, number][];
}

/** By the labels of their symbols. */
type Found = Map<string, Hypothesis>;

/**
 * In each frame every hypothesis may stay or grow by up to `max_symbols` symbols; those with the same text are one,
 * with their probabilities added. A symbol is told as soon as all hypotheses have it.
 */
export class BeamRnnt implements Decoder {
  readonly ended = false;
  private beam: Hypothesis[];
  private frame = 0;

  constructor(private readonly spec: DecoderSpec, private readonly step: Step) {
    this.beam = [{ logP: 0, symbols: [], token: spec.blank, states: step.fresh() }];
  }

  async push(rows: Float32Array[]): Promise<Heard[]> {
    const found: Heard[] = [];
    for (const row of rows) {
      this.beam = await this.after(row);
      found.push(...this.settled());
      this.frame++;
    }
    return found;
  }

  /** The symbols of the best hypothesis that were not settled yet. */
  finish(): Heard[] {
    return this.beam[0].symbols.map((symbol) => this.heard(symbol, Math.max(0, this.frame - 1)));
  }

  private async after(row: Float32Array): Promise<Hypothesis[]> {
    const { beam: width, max_symbols: most, blank } = this.spec;
    const stayed: Found = new Map();
    let growing = this.beam;
    for (let grown = 0; grown <= most && growing.length; grown++) {
      const answers = await this.step.ask(growing, row);
      growing.forEach((hypothesis, n) => merge(stayed, hypothesis, hypothesis.logP + answers[n].logP[blank]));
      const best = [...stayed.values()].map((h) => h.logP).sort((a, b) => b - a);
      growing = grown < most ? this.grown(growing, answers, best[width - 1] ?? -Infinity) : [];
    }
    return [...stayed.values()].sort((a, b) => b.logP - a.logP).slice(0, width);
  }

  /** The best ways to grow by one symbol that are better than `least`. */
  private grown(growing: Hypothesis[], answers: Answer[], least: number): Hypothesis[] {
    const ways = growing.flatMap((hypothesis, n) =>
      Array.from(answers[n].logP, (logP, label) => ({ n, label, logP, total: hypothesis.logP + logP })),
    );
    const best = ways.filter((way) => way.label !== this.spec.blank && way.total > least);
    const found: Found = new Map();
    for (const { n, label, logP, total } of best.sort((a, b) => b.total - a.total).slice(0, this.spec.beam)) {
      const symbols: [number, number][] = [...growing[n].symbols, [label, Math.exp(logP)]];
      merge(found, { logP: total, symbols, token: label, states: answers[n].after }, total);
    }
    return [...found.values()];
  }

  private settled(): Heard[] {
    const [first, ...others] = this.beam.map((h) => h.symbols);
    let shared = 0;
    while (shared < first.length && others.every((o) => o.length > shared && o[shared][0] === first[shared][0])) shared++;
    // Only differences matter, and a stream has no end.
    const best = this.beam[0].logP;
    for (const hypothesis of this.beam) {
      hypothesis.symbols = hypothesis.symbols.slice(shared);
      hypothesis.logP -= best;
    }
    return first.slice(0, shared).map((symbol) => this.heard(symbol, this.frame));
  }

  private heard([label, score]: [number, number], frame: number): Heard {
    return { label: this.spec.labels[label], frame, score };
  }
}

/** Another way to the same text: probabilities add up, and the likelier way tells the symbols. */
function merge(found: Found, hypothesis: Hypothesis, logP: number): void {
  const text = hypothesis.symbols.map(([label]) => label).join();
  const known = found.get(text);
  if (known === undefined) {
    found.set(text, { ...hypothesis, logP });
    return;
  }
  if (logP > known.logP) known.symbols = hypothesis.symbols;
  known.logP = added(known.logP, logP);
}
