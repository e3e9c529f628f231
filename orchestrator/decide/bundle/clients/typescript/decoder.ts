/** What turns the graph's first output into events. */

import type { DecoderSpec } from "./contract.js";

/** `frame`: index of the output frame in the stream. */
export interface Heard {
  label: string;
  frame: number;
  score: number;
}

export interface Decoder {
  /** Frames of logits, one row a frame. */
  push(logits: ArrayLike<number>): Heard[];
}

export function makeDecoder(spec: DecoderSpec): Decoder {
  if (spec.kind === "keyword") return new Keywords(spec);
  if (spec.kind === "ctc") return new GreedyCtc(spec);
  return { push: () => [] };
}

function rowsOf(logits: ArrayLike<number>, width: number): number[][] {
  const all = Array.from(logits, Number);
  return Array.from({ length: all.length / width }, (_, n) => all.slice(n * width, (n + 1) * width));
}

function softmax(row: number[]): number[] {
  const largest = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** Posteriors averaged over the last frames; a label fires where its average reaches the threshold. */
class Keywords implements Decoder {
  private last: number[][] = [];
  private frame = 0;
  private readonly quietUntil = new Map<string, number>();

  constructor(private readonly spec: DecoderSpec) {}

  push(logits: ArrayLike<number>): Heard[] {
    const { labels, ignored, threshold, smooth_frames: smooth, refractory_frames: refractory } = this.spec;
    const found: Heard[] = [];
    for (const row of rowsOf(logits, labels.length)) {
      this.last = [...this.last, softmax(row)].slice(-smooth);
      labels.forEach((label, index) => {
        const score = this.last.reduce((sum, posterior) => sum + posterior[index], 0) / smooth;
        const fires = !ignored.includes(label) && score >= threshold;
        if (fires && this.frame >= (this.quietUntil.get(label) ?? 0)) {
          this.quietUntil.set(label, this.frame + refractory);
          found.push({ label, frame: this.frame, score });
        }
      });
      this.frame++;
    }
    return found;
  }
}

/** The best class of each frame, repeats merged, blanks dropped. */
class GreedyCtc implements Decoder {
  private last: number;
  private frame = 0;

  constructor(private readonly spec: DecoderSpec) {
    this.last = spec.blank;
  }

  push(logits: ArrayLike<number>): Heard[] {
    const found: Heard[] = [];
    for (const row of rowsOf(logits, this.spec.labels.length)) {
      const best = row.indexOf(Math.max(...row));
      if (best !== this.last && best !== this.spec.blank) {
        found.push({ label: this.spec.labels[best], frame: this.frame, score: softmax(row)[best] });
      }
      this.last = best;
      this.frame++;
    }
    return found;
  }
}
