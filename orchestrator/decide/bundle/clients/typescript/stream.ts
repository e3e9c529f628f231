/**
 * The stream loop of an Earshot bundle over ONNX Runtime: chunk and state in, events and new state out.
 *
 *   import * as ort from "onnxruntime-web"; // or onnxruntime-node, onnxruntime-react-native
 *   const stream = await Stream.open(ort, read, ["wasm"]); // read: (name) => the bytes of that file of the bundle
 *   for (const event of await stream.push(samples)) console.log(event.timeS, event.label);
 */

import type { InferenceSession, Tensor } from "onnxruntime-common";

import { BeamRnnt } from "./beam-rnnt.js";
import { configurationsFor, type Support } from "./bundle.js";
import type { Configuration, Contract } from "./contract.js";
import { type Decoder, type Heard, makeDecoder } from "./decoder.js";
import { type Frontend, makeFrontend } from "./frontend.js";
import { Lexicon } from "./lexicon.js";
import { filled, open, type Runtime, tensorOf } from "./tensors.js";
import { Touch } from "./touch.js";
import { GreedyRnnt, Step } from "./transducer.js";
import { readWords, Trie, type Words } from "./trie.js";
import { TrieSearch } from "./trie-search.js";

/** `timeS`: since the start of the stream, the end of the output frame that said so. `words`: see `Heard`. */
export interface HeardAt {
  label: string;
  timeS: number;
  score: number;
  words?: [string, number][];
}

/** The bytes of a file of the bundle. */
export type Read = (name: string) => Promise<Uint8Array>;

/** A transducer's second graph, and the words that a search over a trie may tell. */
interface Search {
  step: InferenceSession;
  words?: Words;
}

export class Stream {
  /** The outputs of the last chunk by name, for a model whose output is not events. */
  outputs: InferenceSession.OnnxValueMapType = {};
  private readonly frontend: Frontend;
  private readonly decoder: Decoder;
  private readonly words?: Trie;
  private readonly fixed: Record<string, Tensor> = {};
  private state: Record<string, Tensor> = {};
  private waiting = new Int16Array(0);
  private frameS = 0;

  private constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
    private readonly contract: Contract,
    private readonly chunkSamples: number,
    search?: Search,
  ) {
    this.frontend = makeFrontend(contract.frontend, contract.sample_rate_hz);
    if (search?.words) this.words = this.trie(search.words);
    this.decoder = search ? this.searching(search.step) : makeDecoder(contract.decoder);
    for (const c of contract.constants) this.fixed[c.name] = filled(runtime, c, contract.constant_values[c.name]);
    this.reset();
  }

  /**
   * With the first of the configurations for `device` (the one that was measured by default) that can be loaded here.
   * `providers`: of this build, such as wasm, webgpu, cpu; those in the configuration are the measured device's.
   */
  static async open(runtime: Runtime, read: Read, providers: string[], device?: string): Promise<Stream> {
    const support = await json<Support>(read, "device_support.json");
    let reason: unknown;
    for (const configuration of configurationsFor(support, device)) {
      try {
        return await Stream.load(runtime, read, providers, configuration);
      } catch (error) {
        reason = error;
      }
    }
    throw reason;
  }

  private static async load(runtime: Runtime, read: Read, providers: string[], configuration: Configuration) {
    const { files, step: options, chunk_samples: chunkSamples } = configuration;
    const contract = await json<Contract>(read, configuration.contract);
    const session = await open(runtime, await read(files.graph.name), configuration, providers);
    if (!contract.search || !options) return new Stream(runtime, session, contract, chunkSamples);
    const step = await open(runtime, await read(files.step.name), options, providers);
    const words = files.lexicon && readWords(new TextDecoder().decode(await read(files.lexicon.name)));
    return new Stream(runtime, session, contract, chunkSamples, { step, words });
  }

  private searching(graph: InferenceSession): Decoder {
    const { decoder: spec, search } = this.contract;
    const step = new Step(this.runtime, graph, search!);
    if (spec.kind === "rnnt") return spec.beam === 1 ? new GreedyRnnt(spec, step) : new BeamRnnt(spec, step);
    if (!this.words || !(this.frontend instanceof Touch)) throw new Error("a trie needs a lexicon and a touch front end");
    return new TrieSearch(spec, step, new Lexicon(this.words), this.frontend);
  }

  private trie(words: Words): Trie {
    return new Trie(words, this.contract.decoder.labels, this.contract.decoder.max_symbols);
  }

  /** A user's own words beside the lexicon's, with counts, from the next trace on. */
  useWords(words: Words): void {
    if (!(this.decoder instanceof TrieSearch)) throw new Error(`a ${this.contract.decoder.kind} decoder tells no words`);
    this.decoder.use(new Lexicon(this.words!, words.size > 0 ? this.trie(words) : null));
  }

  private reset(): void {
    for (const s of this.contract.states) {
      this.state[s.input] = filled(this.runtime, { name: s.input, shape: s.shape, dtype: s.dtype }, s.initial);
    }
  }

  /** Take samples, mono, 16 bit, at the contract's rate, as many as there are, and tell what was heard by now. */
  async push(samples: Int16Array): Promise<HeardAt[]> {
    const waiting = new Int16Array(this.waiting.length + samples.length);
    waiting.set(this.waiting);
    waiting.set(samples, this.waiting.length);
    const found: HeardAt[] = [];
    let start = 0;
    for (; start + this.chunkSamples <= waiting.length; start += this.chunkSamples) {
      found.push(...(await this.step(waiting.subarray(start, start + this.chunkSamples))));
    }
    this.waiting = waiting.slice(start);
    return found;
  }

  /** At the end of the stream: what was waiting for a whole chunk, and what the decoder was still open about. */
  async finish(): Promise<HeardAt[]> {
    const missing = this.waiting.length > 0 ? this.chunkSamples - this.waiting.length : 0;
    const found = await this.push(new Int16Array(missing));
    return [...found, ...this.told(this.decoder.finish())];
  }

  private async step(chunk: Int16Array): Promise<HeardAt[]> {
    const { input, time_axis: timeAxis, states, outputs, sample_rate_hz: rateHz, decoder } = this.contract;
    const features = this.frontend.push(chunk);
    const rest = input.shape.reduce((product, size, axis) => (axis === timeAxis ? product : product * size), 1);
    const shape = input.shape.map((size, axis) => (axis === timeAxis ? features.length / rest : size));
    const tensor = tensorOf(this.runtime, input, features, shape);
    this.outputs = await this.session.run({ [input.name]: tensor, ...this.state, ...this.fixed });
    // The loop that the client owns: what came out is what goes in with the next chunk.
    this.state = Object.fromEntries(states.map((s) => [s.input, this.outputs[s.output] as Tensor]));
    const output = this.outputs[outputs[0].name] as Tensor;
    const values = output.data as Float32Array;
    // A probability of speech is one figure for two labels.
    const width = decoder.kind === "vad" ? 1 : output.dims[output.dims.length - 1];
    const count = values.length / width;
    this.frameS = chunk.length / rateHz / count;
    const rows = Array.from({ length: count }, (_, n) => values.subarray(n * width, (n + 1) * width));
    const heard = await this.decoder.push(rows);
    if (this.decoder.ended) {
      this.reset();
      this.frontend.reset();
    }
    return this.told(heard);
  }

  private told(heard: Heard[]): HeardAt[] {
    return heard.map(({ frame, ...rest }) => ({ ...rest, timeS: (frame + 1) * this.frameS }));
  }
}

async function json<T>(read: Read, name: string): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await read(name))) as T;
}
