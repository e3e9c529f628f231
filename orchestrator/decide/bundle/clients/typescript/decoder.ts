/** What turns the graph's first output into events, where that needs no second graph. */

import type { DecoderSpec } from "./contract.js";

/** `frame`: index of the output frame in the stream. */
export interface Heard {
  label: string;
  frame: number;
  score: number;
  /** Where words are ranked: the best first, each with its share of the probability. */
  words?: [string, number][];
}

export interface Decoder {
  /** The input was at rest or came to rest: graph and front end begin anew with the next chunk. */
  readonly ended: boolean;
  /** The graph's first output, a row for each frame. */
  push(rows: Float32Array[]): Promise<Heard[]>;
  /** What was still open at the end of the stream. */
  finish(): Heard[];
}

/** Of one graph; the searches are in transducer.ts, beam-rnnt.ts and trie-search.ts. */
export function makeDecoder(spec: DecoderSpec): Decoder {
  if (spec.kind === "keyword") return new Keywords(spec);
  if (spec.kind === "ctc") return new GreedyCtc(spec);
  return spec.kind === "vad" ? new VoiceActivity(spec) : new Frames(spec);
}

function softmax(row: ArrayLike<number>): number[] {
  const values = Array.from(row);
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** Counts frames; nothing stays open. By itself for a model whose output is not events: read `Stream.outputs`. */
class Frames implements Decoder {
  readonly ended = false;
  protected frame = 0;

  constructor(protected readonly spec: DecoderSpec) {}

  async push(rows: Float32Array[]): Promise<Heard[]> {
    const found: Heard[] = [];
    for (const row of rows) {
      found.push(...this.take(row));
      this.frame++;
    }
    return found;
  }

  protected take(_row: Float32Array): Heard[] {
    return [];
  }

  finish(): Heard[] {
    return [];
  }
}

/** Posteriors averaged over the last frames; a label fires where its average reaches the threshold. */
class Keywords extends Frames {
  private last: number[][] = [];
  private readonly quietUntil = new Map<string, number>();

  protected take(row: Float32Array): Heard[] {
    const { labels, ignored, threshold, smooth_frames: smooth, refractory_frames: refractory } = this.spec;
    const found: Heard[] = [];
    this.last = [...this.last, softmax(row)].slice(-smooth);
    labels.forEach((label, index) => {
      const score = this.last.reduce((sum, posterior) => sum + posterior[index], 0) / smooth;
      const fires = !ignored.includes(label) && score >= threshold;
      if (fires && this.frame >= (this.quietUntil.get(label) ?? 0)) {
        this.quietUntil.set(label, this.frame + refractory);
        found.push({ label, frame: this.frame, score });
      }
    });
    return found;
  }
}

/** The best class of each frame, repeats merged, blanks dropped. */
class GreedyCtc extends Frames {
  private last = this.spec.blank;

  protected take(row: Float32Array): Heard[] {
    const [best, last] = [row.indexOf(Math.max(...row)), this.last];
    this.last = best;
    if (best === last || best === this.spec.blank) return [];
    return [{ label: this.spec.labels[best], frame: this.frame, score: softmax(row)[best] }];
  }
}

/**
 * Rows are a probability of speech. It begins at `threshold` and has ended after `refractory_frames` frames in a row
 * below `release`; scores are those of the first frame that said so.
 */
class VoiceActivity extends Frames {
  private speaking = false;
  private quiet: { since: number; score: number } | null = null;

  protected take([probability]: Float32Array): Heard[] {
    const [speech, silence] = this.spec.labels;
    if (!this.speaking) {
      this.speaking = probability >= this.spec.threshold;
      return this.speaking ? [{ label: speech, frame: this.frame, score: probability }] : [];
    }
    if (probability >= this.spec.release) {
      this.quiet = null;
      return [];
    }
    const { since, score } = (this.quiet ??= { since: this.frame, score: 1 - probability });
    if (this.frame - since + 1 < this.spec.refractory_frames) return [];
    [this.speaking, this.quiet] = [false, null];
    return [{ label: silence, frame: this.frame, score }];
  }
}
