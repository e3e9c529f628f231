/** A transducer's second graph, asked one symbol further for all hypotheses in one call, and the greedy search. */

import type { InferenceSession, Tensor } from "onnxruntime-common";

import type { DecoderSpec, StepSpec } from "./contract.js";
import type { Decoder, Heard } from "./decoder.js";
import { filled, type Runtime, tensorOf, type Values, zeros } from "./tensors.js";

/** What the prediction net remembers of one hypothesis, in the order of `StepSpec.states`. */
export type States = Values[];

/** What a hypothesis is asked with: the symbol before, and the states. */
export interface Asked {
  token: number;
  states: States;
}

/** What the graph says of it: log probabilities of all labels, and the states after its token. */
export interface Answer {
  logP: Float64Array;
  after: States;
}

export class Step {
  constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
    private readonly spec: StepSpec,
  ) {}

  fresh(): States {
    return this.spec.states.map((state) => {
      const spec = { name: state.input, shape: state.shape, dtype: state.dtype };
      return filled(this.runtime, spec, state.initial).data as Values;
    });
  }

  async ask(asked: Asked[], frame: Float32Array): Promise<Answer[]> {
    const { token, frame: frameSpec, states, logits } = this.spec;
    const rows = new Float32Array(asked.length * frame.length);
    asked.forEach((_, row) => rows.set(frame, row * frame.length));
    const tokens = asked.map((a) => a.token);
    const inputs: Record<string, Tensor> = {
      [token.name]: tensorOf(this.runtime, token, tokens, [asked.length]),
      [frameSpec.name]: tensorOf(this.runtime, frameSpec, rows, [asked.length, frame.length]),
    };
    states.forEach((state, index) => {
      const size = asked[0].states[index].length;
      const data = zeros(state.dtype, asked.length * size);
      asked.forEach((a, row) => data.set(a.states[index] as never, row * size));
      const dims = [asked.length, ...state.shape.slice(1)];
      inputs[state.input] = new this.runtime.Tensor(state.dtype as "float32", data as never, dims);
    });
    const out = await this.session.run(inputs);
    const parts = states.map((state) => rowsOf(out[state.output].data as Values, asked.length));
    return rowsOf(out[logits.name].data as Float32Array, asked.length).map((row, n) => ({
      logP: logSoftmax(row),
      after: parts.map((part) => part[n]),
    }));
  }
}

function rowsOf<V extends Values>(values: V, count: number): V[] {
  const width = values.length / count;
  return Array.from({ length: count }, (_, n) => values.subarray(n * width, (n + 1) * width) as V);
}

function logSoftmax(row: Float32Array): Float64Array {
  const largest = row.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (const value of row) sum += Math.exp(value - largest);
  return Float64Array.from(row, (value) => value - largest - Math.log(sum));
}

/** log(exp(a) + exp(b)). */
export function added(a: number, b: number): number {
  const [high, low] = a > b ? [a, b] : [b, a];
  return low === -Infinity ? high : high + Math.log1p(Math.exp(low - high));
}

/** The best symbol of each frame until it is the blank, at most `max_symbols` of them. */
export class GreedyRnnt implements Decoder {
  readonly ended = false;
  private asked: Asked;
  private frame = 0;

  constructor(private readonly spec: DecoderSpec, private readonly step: Step) {
    this.asked = { token: spec.blank, states: step.fresh() };
  }

  async push(rows: Float32Array[]): Promise<Heard[]> {
    const found: Heard[] = [];
    for (const row of rows) {
      for (let symbols = 0; symbols < this.spec.max_symbols; symbols++) {
        const [{ logP, after }] = await this.step.ask([this.asked], row);
        const best = logP.indexOf(Math.max(...logP));
        if (best === this.spec.blank) break;
        this.asked = { token: best, states: after };
        found.push({ label: this.spec.labels[best], frame: this.frame, score: Math.exp(logP[best]) });
      }
      this.frame++;
    }
    return found;
  }

  finish(): Heard[] {
    return [];
  }
}
