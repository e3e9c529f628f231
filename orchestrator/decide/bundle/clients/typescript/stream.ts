/**
 * The stream loop of an Earshot bundle over ONNX Runtime: chunk and state in, events and new state out.
 *
 *   import * as ort from "onnxruntime-web"; // or onnxruntime-node, onnxruntime-react-native
 *   const stream = await Stream.open(ort, model, contract, recommendation.configuration, ["wasm"]);
 *   for (const event of await stream.push(samples)) console.log(event.timeS, event.label);
 */

import type { InferenceSession, Tensor } from "onnxruntime-common";

import type { Configuration, Contract, DType } from "./contract.js";
import { type Decoder, makeDecoder } from "./decoder.js";
import { type Frontend, makeFrontend } from "./frontend.js";

/** `timeS`: since the start of the stream, the end of the output frame that said so. */
export interface HeardAt {
  label: string;
  timeS: number;
  score: number;
}

/** What a build of ONNX Runtime exports, as far as it is used here. */
export interface Runtime {
  InferenceSession: { create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession> };
  Tensor: new (type: Exclude<DType, "float16">, data: never, dims: readonly number[]) => Tensor;
}

export class Stream {
  /** The outputs of the last chunk by name, for a model whose output is not events. */
  outputs: InferenceSession.OnnxValueMapType = {};
  private readonly frontend: Frontend;
  private readonly decoder: Decoder;
  private readonly fixed: Record<string, Tensor> = {};
  private state: Record<string, Tensor> = {};
  private waiting = new Float64Array(0);

  private constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
    private readonly contract: Contract,
    private readonly chunkSamples: number,
  ) {
    this.frontend = makeFrontend(contract.frontend, contract.sample_rate_hz);
    this.decoder = makeDecoder(contract.decoder);
    for (const c of contract.constants) {
      this.fixed[c.name] = filled(runtime, c.dtype, c.shape, contract.constant_values[c.name]);
    }
    for (const s of contract.states) this.state[s.input] = filled(runtime, s.dtype, s.shape, s.initial);
  }

  /** `providers`: of this build, such as wasm, webgpu, cpu; those of `recommendation.json` are the device's. */
  static async open(
    runtime: Runtime,
    model: Uint8Array,
    contract: Contract,
    configuration: Configuration,
    providers: string[],
  ): Promise<Stream> {
    const own = configuration.session_options;
    const session = await runtime.InferenceSession.create(model, {
      executionProviders: providers,
      intraOpNumThreads: configuration.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: levelOf(own.graph_optimization_level),
      enableCpuMemArena: isOn(own.enable_cpu_mem_arena),
      enableMemPattern: isOn(own.enable_mem_pattern),
    });
    return new Stream(runtime, session, contract, configuration.chunk_samples);
  }

  /** Take samples in [-1, 1], mono, at the contract's rate, as many as there are, and tell what was heard by now. */
  async push(samples: Float32Array): Promise<HeardAt[]> {
    this.waiting = Float64Array.from([...this.waiting, ...samples]);
    const found: HeardAt[] = [];
    while (this.waiting.length >= this.chunkSamples) {
      const chunk = this.waiting.slice(0, this.chunkSamples);
      this.waiting = this.waiting.slice(this.chunkSamples);
      found.push(...(await this.step(chunk)));
    }
    return found;
  }

  private async step(chunk: Float64Array): Promise<HeardAt[]> {
    const { input, time_axis: timeAxis, states, outputs, sample_rate_hz: rateHz } = this.contract;
    const features = this.frontend.push(chunk);
    const rest = input.shape.reduce((product, size, axis) => (axis === timeAxis ? product : product * size), 1);
    const shape = input.shape.map((size, axis) => (axis === timeAxis ? features.length / rest : size));
    const tensor = new this.runtime.Tensor("float32", features as never, shape);
    this.outputs = await this.session.run({ [input.name]: tensor, ...this.state, ...this.fixed });
    // The loop that the client owns: what came out is what goes in with the next chunk.
    this.state = Object.fromEntries(states.map((s) => [s.input, this.outputs[s.output] as Tensor]));
    const logits = this.outputs[outputs[0].name] as Tensor;
    const frames = logits.size / logits.dims[logits.dims.length - 1];
    const frameS = chunk.length / rateHz / frames;
    const heard = this.decoder.push(logits.data as unknown as ArrayLike<number>);
    return heard.map(({ label, frame, score }) => ({ label, score, timeS: (frame + 1) * frameS }));
  }
}

function levelOf(text = "all"): InferenceSession.SessionOptions["graphOptimizationLevel"] {
  return text === "disable" ? "disabled" : (text as "basic" | "extended" | "all");
}

function isOn(text: string | undefined): boolean {
  return text === undefined || text === "1" || text === "true";
}

function filled(runtime: Runtime, dtype: DType, shape: number[], value: number): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const arrays = {
    float32: () => new Float32Array(size).fill(value),
    int64: () => new BigInt64Array(size).fill(BigInt(value)),
    int32: () => new Int32Array(size).fill(value),
    int8: () => new Int8Array(size).fill(value),
    uint8: () => new Uint8Array(size).fill(value),
    bool: () => new Uint8Array(size).fill(value),
  };
  if (dtype === "float16") throw new Error("a float16 state is not supported in JavaScript: choose another recipe");
  return new runtime.Tensor(dtype, arrays[dtype]() as never, shape);
}
