/** ONNX Runtime as far as it is used here, and tensors of a contract's types. */

import type { InferenceSession, Tensor } from "onnxruntime-common";

import type { DType, Options, TensorSpec } from "./contract.js";

/** What a build of ONNX Runtime exports: onnxruntime-web, onnxruntime-node, onnxruntime-react-native. */
export interface Runtime {
  InferenceSession: { create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession> };
  Tensor: new (type: Exclude<DType, "float16">, data: never, dims: readonly number[]) => Tensor;
}

export type Values = Float32Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;

/** With the options that were measured. `providers`: of this build, such as wasm, webgpu, cpu. */
export function open(
  runtime: Runtime,
  model: Uint8Array,
  options: Options,
  providers: string[],
): Promise<InferenceSession> {
  const own = options.session_options;
  return runtime.InferenceSession.create(model, {
    executionProviders: providers,
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: levelOf(own.graph_optimization_level),
    enableCpuMemArena: isOn(own.enable_cpu_mem_arena),
    enableMemPattern: isOn(own.enable_mem_pattern),
  });
}

function levelOf(text = "all"): InferenceSession.SessionOptions["graphOptimizationLevel"] {
  return text === "disable" ? "disabled" : (text as "basic" | "extended" | "all");
}

function isOn(text: string | undefined): boolean {
  return text === undefined || text === "1" || text === "true";
}

export function zeros(dtype: DType, size: number): Values {
  if (dtype === "float16") throw new Error("float16 tensors are not supported in JavaScript: choose another recipe");
  if (dtype === "float32") return new Float32Array(size);
  if (dtype === "int64") return new BigInt64Array(size);
  if (dtype === "int32") return new Int32Array(size);
  return dtype === "int8" ? new Int8Array(size) : new Uint8Array(size);
}

/** `values` in the type of `spec`, in `shape` or its own. */
export function tensorOf(runtime: Runtime, spec: TensorSpec, values: ArrayLike<number>, shape = spec.shape): Tensor {
  const data = zeros(spec.dtype, values.length);
  if (data instanceof BigInt64Array) for (let n = 0; n < values.length; n++) data[n] = BigInt(values[n]);
  else data.set(values);
  return new runtime.Tensor(spec.dtype as Exclude<DType, "float16">, data as never, shape);
}

export function filled(runtime: Runtime, spec: TensorSpec, value: number): Tensor {
  const size = spec.shape.reduce((a, b) => a * b, 1);
  return tensorOf(runtime, spec, new Array<number>(size).fill(value));
}
