/** contract.json of an Earshot bundle and its configurations, as far as a client needs them. */

export type DType = "float32" | "float16" | "int64" | "int32" | "int8" | "uint8" | "bool";

export interface TensorSpec {
  name: string;
  shape: number[];
  dtype: DType;
}

export interface StateSpec {
  input: string;
  output: string;
  shape: number[];
  dtype: DType;
  initial: number;
}

export interface FrontendSpec {
  kind: "log-mel" | "pcm" | "touch" | "tokens";
  context_samples: number;
  window_samples: number;
  hop_samples: number;
  fft_size: number;
  mel_count: number;
  low_hz: number;
  high_hz: number;
  log_floor: number;
  keys: { letter: string; x: number; y: number }[];
  key_width: number;
  key_height: number;
}

export interface DecoderSpec {
  kind: "none" | "keyword" | "ctc" | "vad" | "rnnt" | "trie";
  labels: string[];
  ignored: string[];
  smooth_frames: number;
  threshold: number;
  release: number;
  refractory_frames: number;
  blank: number;
  beam: number;
  max_symbols: number;
  prune: number;
  prior_weight: number;
}

/** A transducer's second graph; shapes are those of one hypothesis, axis 0 is free. */
export interface StepSpec {
  token: TensorSpec;
  frame: TensorSpec;
  states: StateSpec[];
  logits: TensorSpec;
}

export interface Contract {
  sample_rate_hz: number;
  frontend: FrontendSpec;
  input: TensorSpec;
  time_axis: number;
  states: StateSpec[];
  outputs: TensorSpec[];
  constants: TensorSpec[];
  constant_values: Record<string, number>;
  decoder: DecoderSpec;
  search: StepSpec | null;
}

/** How one of the bundle's graphs is run. */
export interface Options {
  threads: number;
  session_options: Record<string, string>;
}

/** One of `configurations` in device_support.json. `files` has the `graph`, a transducer's `step`, its `lexicon`. */
export interface Configuration extends Options {
  label: string;
  chunk_samples: number;
  contract: string;
  files: Record<string, { name: string }>;
  step?: Options;
}
